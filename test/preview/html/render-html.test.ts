import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildPlan } from '../../../preview/build-plan';
import { YAML_BUDGET } from '../../../preview/html/charts';
import { renderHtml } from '../../../preview/html/render-html';
import { type KubernetesObject, type Plan, SECRET } from '../../../preview/plan';
import { ROOT } from '../../support/environment-file';
import { exampleDiff } from './example-diff';
import { newImages, planOfMany } from './report-pages';
import { SPIKES, withSpikes } from './spikes';

let prod: Plan;
beforeAll(async () => {
  prod = await buildPlan(ROOT, 'prod');
});

/** What a tag of the page holds: its one style, its one script. */
function only(html: string, tag: string): string {
  const [found, ...more] = [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))];
  expect(more).toEqual([]);
  return found?.[1] ?? '';
}

it('is the same text whenever nothing has changed', () => {
  expect(renderHtml(exampleDiff(prod))).toBe(renderHtml(exampleDiff(prod)));
});

it('allows its own style and script by their digests, and nothing else', () => {
  const html = renderHtml({ plan: prod });
  const digest = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html) ?? [];
  expect(policy?.replaceAll('&#39;', "'").split('; ')).toEqual([
    "default-src 'none'",
    `style-src ${digest(only(html, 'style'))}`,
    `script-src ${digest(only(html, 'script'))}`,
    "base-uri 'none'",
    "form-action 'none'",
  ]);
});

it('carries a small script and style', () => {
  const html = renderHtml({ plan: prod });
  expect(only(html, 'script').length).toBeLessThan(6_000);
  expect(only(html, 'style').length).toBeLessThan(16_000);
});

it('names the base, and says where it could not be compared', () => {
  const { plan, diff } = exampleDiff(prod);
  expect(renderHtml({ plan, diff })).toContain('origin/main<code> 1f0c2d3b4a</code>');
  const failed = renderHtml({ plan, diff: { ...diff, baseFailed: 'Pulumi.prod.yaml is not there' } });
  expect(failed).toContain('Nothing could be compared, and everything is told as new: Pulumi.prod.yaml is not there');
});

it('says that nothing changes', () => {
  const { plan, diff } = exampleDiff(prod);
  const empty = { ...diff, resources: [], objects: [], rollouts: [], models: [], versions: [] };
  const html = renderHtml({ plan, diff: empty });
  expect(html).toContain('Nothing changes.');
  expect(html).toContain('prod stays as it is.');
  expect(html).not.toContain('id="restarts"');
});

it('shows markers in place of secrets', () => {
  const [first, ...rest] = prod.resources.filter(({ type }) => type === 'gcp:storage/bucket:Bucket');
  if (first === undefined) throw new Error('no bucket');
  const others = prod.resources.filter((each) => each !== first && !rest.includes(each));
  const plan = { ...prod, resources: [...others, { ...first, inputs: { key: SECRET } }] };
  expect(renderHtml({ plan })).toContain('key: &lt;secret>');
});

describe('long texts', () => {
  it('stand once, and each object that holds one leads there', () => {
    const html = renderHtml({ plan: prod });
    const scripts = prod.charts
      .flatMap(({ objects }) => objects as readonly (KubernetesObject & { data?: Record<string, string> })[])
      .flatMap(({ data }) => Object.values(data ?? {}))
      .filter((text) => text.length > 2000);
    const [script] = scripts;
    expect(scripts.filter((text) => text === script)).toHaveLength(2);
    const digest = createHash('sha256')
      .update(script ?? '')
      .digest('hex')
      .slice(0, 12);
    expect(html.split(`id="text/${digest}"`)).toHaveLength(2);
    expect(html.split(`href="#text/${digest}"`)).toHaveLength(3);
    const line = (script ?? '').split('\n').reduce((a, b) => (b.length > a.length && !/[&<>"]/.test(b) ? b : a), '');
    expect(html.split(line)).toHaveLength(2);
  });
});

describe('a hundred models', () => {
  let many: Plan;
  beforeAll(async () => {
    many = await planOfMany(100);
  });

  it('is less than 3 MB, with the YAML of every object', () => {
    const html = renderHtml({ plan: many });
    expect(html.length).toBeLessThan(3_000_000);
    expect(html).not.toContain('Left out, for the page to stay light');
  });

  it('is less than 3.2 MB with a change in each', () => {
    const compared = newImages(many);
    expect(compared.diff.objects).toHaveLength(100);
    expect(renderHtml(compared).length).toBeLessThan(3_200_000);
  });

  it('grows by no more YAML than a page has room for', () => {
    const charts = many.charts.flatMap((chart) =>
      ['a', 'b'].map((copy) => ({ ...chart, name: `${chart.name}-${copy}` })),
    );
    const html = renderHtml({ plan: { ...many, charts } });
    expect(html).toContain('Left out, for the page to stay light');
    expect(html).toMatch(/npm run preview -- many --out FOLDER<\/code> writes it/);
    const yaml = [...html.matchAll(/<pre tabindex="0"><code>(apiVersion.*?)<\/code>/gis)].map(([, text]) => text ?? '');
    const characters = yaml.reduce((sum, { length }) => sum + length, 0);
    expect(characters).toBeGreaterThan(0.95 * YAML_BUDGET);
    // Escaped, a quote takes six characters.
    expect(characters).toBeLessThan(1.2 * YAML_BUDGET);
  });
});

describe('a spike', () => {
  const html = (...spikes: Parameters<typeof withSpikes>[1][]) => renderHtml({ plan: withSpikes(prod, ...spikes) });

  it('is left out where no model declares a capacity', () => {
    expect(html()).not.toContain('id="spike"');
  });

  it('is drawn with the time when new replicas are ready, and told as a table of the same points', () => {
    const page = html(SPIKES.goes);
    expect(page).toContain(
      'points="0.00,100.00 14.58,53.90 29.17,17.38 43.75,0.00 58.33,1.77 72.92,32.27 100.00,100.00"',
    );
    expect(page.match(/class="ready" x1="[0-9.]+%"/g)).toHaveLength(5);
    expect(page).toContain('class="ready" x1="14.58%"');
    for (const cell of ['<td class="number">9,100</td><td>4 replicas are ready</td>', '<th scope="row">80 min</th>']) {
      expect(page).toContain(cell);
    }
    expect(page).toContain('98,020 of 100,800 that come meanwhile miss their deadline');
  });

  it('says that a backlog never goes, or that there is none', () => {
    expect(html(SPIKES.stays)).toContain('The backlog never goes');
    const none = html(SPIKES.none);
    expect(none).toContain('What is ready carries it.');
    expect(none).not.toContain('class="spike"');
  });
});
