import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPlan } from '../../../preview/build-plan';
import { launchChromium } from '../../support/chromium';
import { ROOT } from '../../support/environment-file';
import { exampleDiff } from './example-diff';
import { newImages, openFolds, planOfMany, ReportPages } from './report-pages';
import { SPIKES, withSpikes } from './spikes';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
let pages: ReportPages;
/** Reports: a plan, a plan with its diff, a plan behind Routes, one of a hundred models, and a diff of all of them. */
const REPORTS = ['plan', 'diff', 'openshift', 'many', 'manyChanged'] as const;
/** Their addresses. */
let reports: Record<(typeof REPORTS)[number], string>;
beforeAll(async () => {
  browser = await launchChromium();
  pages = new ReportPages(browser);
  const prod = await buildPlan(ROOT, 'prod');
  const many = await planOfMany(100);
  reports = {
    plan: pages.write({ plan: withSpikes(prod, SPIKES.goes, SPIKES.stays) }),
    diff: pages.write(exampleDiff(prod)),
    openshift: pages.write({ plan: await buildPlan(ROOT, 'openshift') }),
    many: pages.write({ plan: many }),
    manyChanged: pages.write(newImages(many)),
  };
});
afterAll(() => browser?.close());

describe('what others can use', () => {
  interface Violation {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }

  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(AXE);
    const found = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as Violation[];
    return found.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  }

  it.each([
    ['plan', 'light'],
    ['plan', 'dark'],
    ['diff', 'light'],
    ['diff', 'dark'],
    ['openshift', 'dark'],
  ] as const)('%s, %s, with all folds open', async (report, colorScheme) => {
    const { page, close } = await pages.open(reports[report], { colorScheme });
    await openFolds(page);
    expect(await violations(page)).toEqual([]);
    await close();
  });

  it.each(['many', 'manyChanged'] as const)('a hundred models: %s', async (report) => {
    const { page, close } = await pages.open(reports[report]);
    expect(await violations(page)).toEqual([]);
    await close();
  });

  it('finds what is wrong', async () => {
    const { page, close } = await pages.open(reports.plan);
    await page.evaluate('document.querySelector("#theme").textContent = ""');
    expect((await violations(page)).join()).toContain('button-name');
    await close();
  });

  it('has headings in order, and one of the first rank', async () => {
    const { page, close } = await pages.open(reports.diff);
    const ranks = (await page.evaluate(
      '[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((each) => Number(each.tagName[1]))',
    )) as number[];
    expect(ranks[0]).toBe(1);
    expect(ranks.filter((rank) => rank === 1)).toHaveLength(1);
    expect(ranks.slice(1).every((rank, index) => rank <= (ranks[index] ?? 0) + 1)).toBe(true);
    await close();
  });

  it('can be walked through by keyboard, with the focus in sight, to the end and out', async () => {
    const { page, close } = await pages.open(reports.diff);
    const stops: string[] = [];
    for (let presses = 0; presses < 1000; presses++) {
      await page.keyboard.press('Tab');
      const stop = (await page.evaluate(`(() => {
        const { activeElement: at } = document;
        return at === document.body ? '' : at.tagName + ' ' + getComputedStyle(at).outlineStyle;
      })()`)) as string;
      if (stop === '') break;
      stops.push(stop);
    }
    expect(stops.length).toBeGreaterThan(50);
    expect(stops.length).toBeLessThan(1000);
    expect(stops.filter((stop) => stop.endsWith(' none'))).toEqual([]);
    await close();
  });

  it('skips to the report', async () => {
    const { page, close } = await pages.open(reports.diff);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('main');
    await close();
  });
});

describe('what it may do', () => {
  it.each(REPORTS)('asks nobody for anything, and has no error: %s', async (report) => {
    const { page, trouble, requests, close } = await pages.open(reports[report]);
    await openFolds(page);
    await page.locator('#theme').click();
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    expect({ trouble, requests }).toEqual({ trouble: [], requests: [] });
    await close();
  });

  it.each([
    ['a script', 'document.body.append(Object.assign(document.createElement("script"), { textContent: "pwned = 1" }))'],
    ['an address', 'document.body.append(Object.assign(new Image(), { src: "https://example.com/a.png" }))'],
    ['a style', 'document.body.append(Object.assign(document.createElement("style"), { textContent: "*{}" }))'],
  ])('refuses %s that comes in', async (_, coming) => {
    const { page, trouble, close } = await pages.open(reports.plan);
    await page.evaluate(coming);
    await expect.poll(() => trouble.join()).toContain('Content Security Policy');
    expect(await page.evaluate('typeof pwned')).toBe('undefined');
    await close();
  });

  it('shows hostile names as they are', async () => {
    const hostile = `</script></style></pre><img src=x onerror="pwned=1"><script>pwned=1</script>"'&lt;`;
    const address = pages.write(poisoned(exampleDiff(await buildPlan(ROOT, 'prod')), hostile));
    const { page, trouble, requests, close } = await pages.open(address);
    await openFolds(page);
    expect({ trouble, requests }).toEqual({ trouble: [], requests: [] });
    expect(await page.evaluate('typeof pwned')).toBe('undefined');
    expect(await page.locator('img, [onerror]').count()).toBe(0);
    expect(await page.locator('script').count()).toBe(1);
    expect(await page.locator('h1').textContent()).toContain(hostile);
    expect(await page.locator('#outputs').textContent()).toContain(hostile);
    await close();
  });
});

/** Keys whose values are words of ours. */
const OURS = new Set(['type', 'kind', 'action', 'severity']);

/** All texts of a value with another at their end. */
function poisoned<T>(value: T, poison: string, key = ''): T {
  if (typeof value === 'string') return (OURS.has(key) ? value : `${value}${value === '' ? '' : poison}`) as T;
  if (Array.isArray(value)) return value.map((each) => poisoned(each, poison)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, poisoned(each, poison, name)])) as T;
}

describe('how wide it is', () => {
  it.each(REPORTS)('%s', async (report) => {
    const { page, close } = await pages.open(reports[report]);
    if (!report.startsWith('many')) await openFolds(page);
    for (const width of [360, 800, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      expect(await page.evaluate('document.documentElement.scrollWidth'), `at ${width} pixels`).toBe(width);
    }
    await close();
  });
});

describe('links', () => {
  it.each(REPORTS)('%s: each leads somewhere, and no id stands twice', async (report) => {
    const { page, close } = await pages.open(reports[report]);
    const { dead, twice, links } = (await page.evaluate(`(() => {
      const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
      const links = [...document.querySelectorAll('a')].map((link) => link.getAttribute('href'));
      return {
        links: links.length,
        dead: links.filter((link) => !link.startsWith('#') || document.getElementById(link.slice(1)) === null),
        twice: ids.filter((id, index) => ids.indexOf(id) !== index),
      };
    })()`)) as { dead: string[]; twice: string[]; links: number };
    expect({ dead, twice }).toEqual({ dead: [], twice: [] });
    expect(links).toBeGreaterThan(20);
    await close();
  });

  it('opens what a link leads to, in a fold of a fold', async () => {
    const id = 'object/triton-llama-000/Deployment/triton/triton-llama-000';
    const { page, close } = await pages.open(`${reports.many}#${id}`);
    const yaml = page.locator(`[id="${id}"] pre`);
    expect(await yaml.isVisible()).toBe(true);
    expect(await yaml.textContent()).toContain('kind: Deployment');
    const top = () => page.evaluate(`Math.abs(document.getElementById('${id}').getBoundingClientRect().top)`);
    await expect.poll(top).toBeLessThan(100);
    await close();
  });

  it('leads from the drawing to a model that is filtered out', async () => {
    const { page, close } = await pages.open(reports.many);
    await page.locator('#memory-list-filter-text').fill('resnet-001');
    await expect.poll(() => page.locator('#memory [data-result]').textContent()).toBe('1 model of 100');
    await page.locator('.server a', { hasText: 'llama-000' }).click();
    await expect.poll(() => page.locator('[id="model/llama-000"]').isVisible()).toBe(true);
    await expect.poll(() => page.locator('#memory [data-result]').textContent()).toBe('100 models');
    await close();
  });
});

describe('filters', () => {
  const shown = (page: Page) => page.locator('#change-list [data-item]:visible').count();
  const RENAMED = 'change/triton-llama-3-1-8b/ConfigMap/triton/triton-llama-3-1-8b-sync-2243a8e3';
  const result = (page: Page) => page.locator('#changes [data-result]').textContent();

  it('work by keyboard alone, and say how many are left', async () => {
    const { page, close } = await pages.open(reports.diff);
    const { keyboard } = page;
    while ((await page.evaluate('document.activeElement.id')) !== 'change-list-filter-text')
      await keyboard.press('Tab');
    expect(await page.locator('#changes [data-result]').getAttribute('aria-live')).toBe('polite');
    expect(await result(page)).toBe('7 changes');

    await keyboard.type('MachineType');
    await expect.poll(() => result(page)).toBe('1 change of 7');
    expect(await shown(page)).toBe(1);
    expect(await page.locator('#change-list h3:visible').count()).toBe(1);

    for (let letters = 0; letters < 'MachineType'.length; letters++) await keyboard.press('Backspace');
    await keyboard.press('Tab');
    await keyboard.type('ren');
    const left = page.locator('#change-list [data-item]:visible');
    await expect.poll(() => left.evaluateAll((items) => items.map((item) => item.id))).toEqual([RENAMED]);
    expect(await result(page)).toBe('1 change of 7');

    await keyboard.press('Tab');
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    await keyboard.press('Space');
    await expect.poll(() => result(page)).toBe('0 changes of 7');

    await keyboard.press('Tab');
    await keyboard.press('Enter');
    await expect.poll(() => result(page)).toBe('7 changes');
    expect(await page.evaluate('document.activeElement.id')).toBe('change-list-filter-text');
    await close();
  });

  it.each([
    ['action', 'replaced', 1],
    ['kind', 'ConfigMap', 1],
    ['group', 'triton-llama-3-1-8b', 3],
  ])('by %s', async (property, value, count) => {
    const { page, close } = await pages.open(reports.diff);
    await page.locator(`#change-list-filter-${property}`).selectOption(value);
    await expect.poll(() => shown(page)).toBe(count);
    await close();
  });

  it('leave what is replaced, deleted or has consequences', async () => {
    const { page, close } = await pages.open(reports.diff);
    await page.getByLabel('With consequences only').check();
    await expect.poll(() => result(page)).toBe('3 changes of 7');
    expect(await page.locator('#change-list [data-item]:visible .what strong').allTextContents()).toEqual([
      'scratch',
      'l4',
      'triton-llama-3-1-8b',
    ]);
    await close();
  });

  it('find one of a hundred alike changes', async () => {
    const { page, close } = await pages.open(reports.manyChanged);
    expect(await shown(page)).toBe(2);
    expect(await page.locator('#change-list summary', { hasText: 'the same for 49 more' }).count()).toBe(2);
    await page.locator('#change-list-filter-text').fill('llama-042');
    await expect.poll(() => shown(page)).toBe(1);
    expect(await page.locator('#change-list li:visible').count()).toBe(2);
    await close();
  });

  it('open the folds of a hundred models, and close them again', async () => {
    const { page, close } = await pages.open(reports.many);
    const model = page.locator('#topology .server', { hasText: 'llama-098' });
    expect(await model.isVisible()).toBe(false);
    await page.locator('#topology-lanes-filter-text').fill('llama-098');
    await expect.poll(() => model.isVisible()).toBe(true);
    expect(await page.locator('#topology .server:visible').count()).toBe(1);
    expect(await page.locator('#topology [data-result]').textContent()).toBe('1 model of 100');
    await page.locator('#topology [data-clear]').click();
    await expect.poll(() => model.isVisible()).toBe(false);
    expect(await page.locator('#topology .server:visible').count()).toBe(8);
    await close();
  });

  it('find an object of hundreds by its kind and a word of its YAML', async () => {
    const { page, close } = await pages.open(reports.many);
    await page.locator('#object-list-filter-kind').selectOption('Deployment');
    await page.locator('#object-list-filter-text').fill('resnet-099 runtimeClassName nothing');
    const count = () => page.locator('#objects [data-result]').textContent();
    await expect.poll(count).toMatch(/^0 objects of 9\d\d$/);
    await page.locator('#object-list-filter-text').fill('name: triton-resnet-099');
    await expect.poll(count).toMatch(/^1 object of 9\d\d$/);
    expect(await page.locator('#object-list [data-item]:visible').count()).toBe(1);
    await close();
  });
});

describe('dark and light', () => {
  const ground = (page: Page) => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
  const DARK = 'rgb(20, 23, 26)';
  const LIGHT = 'rgb(255, 255, 255)';

  it('is as the system is, changes by a button, and remembers', async () => {
    const { page, close } = await pages.open(reports.plan, { colorScheme: 'dark' });
    const button = page.getByRole('button', { name: 'Dark' });
    expect([await ground(page), await button.getAttribute('aria-pressed')]).toEqual([DARK, 'true']);
    await button.press('Enter');
    expect([await ground(page), await button.getAttribute('aria-pressed')]).toEqual([LIGHT, 'false']);
    await page.reload();
    expect([await ground(page), await button.getAttribute('aria-pressed')]).toEqual([LIGHT, 'false']);
    await close();
  });

  it('follows the system until somebody chooses', async () => {
    const { page, close } = await pages.open(reports.plan, { colorScheme: 'light' });
    expect(await ground(page)).toBe(LIGHT);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await ground(page)).toBe(DARK);
    // The page is told with its next frame.
    await expect.poll(() => page.locator('#theme').getAttribute('aria-pressed')).toBe('true');
    await close();
  });

  it('works where storage is forbidden', async () => {
    const before = `Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })`;
    const { page, trouble, close } = await pages.open(reports.plan, { colorScheme: 'light', before });
    await page.locator('#theme').click();
    expect(await ground(page)).toBe(DARK);
    expect(trouble).toEqual([]);
    await close();
  });
});

describe('without JavaScript', () => {
  it('reads, without controls that do nothing', async () => {
    const { page, close } = await pages.open(reports.diff, { javaScriptEnabled: false });
    expect(await page.locator('search').count()).toBeGreaterThan(2);
    expect(await page.locator('search:visible, #theme:visible').count()).toBe(0);
    expect(await page.locator('#changes').innerText()).toContain('forces the replacement');
    const object = page.locator('[id="object/triton-resnet50/Deployment/triton/triton-resnet50"]');
    expect(await object.locator('pre').isVisible()).toBe(false);
    // Of many charts each is folded as well.
    await page.locator('[id="chart/triton-resnet50"] > details > summary').click();
    await object.locator('summary').click();
    expect(await object.locator('pre').innerText()).toContain('kind: Deployment');
    await close();
  });
});

describe('on paper', () => {
  it('is dark on white, whole, and without controls', async () => {
    const { page, close } = await pages.open(reports.many, { colorScheme: 'dark' });
    const rest = page.locator('#memory .memory li:visible');
    expect(await rest.count()).toBe(12);
    await page.emulateMedia({ media: 'print' });
    await page.evaluate('dispatchEvent(new Event("beforeprint"))');
    expect(await rest.count()).toBe(100);
    expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).toBe(
      'rgb(255, 255, 255)',
    );
    expect(await page.locator('search:visible, #theme:visible, nav:visible').count()).toBe(0);
    await page.evaluate('dispatchEvent(new Event("afterprint"))');
    expect(await rest.count()).toBe(12);
    await close();
  });

  it('makes a document of pages', async () => {
    const { page, close } = await pages.open(reports.diff);
    const pdf = await page.pdf({ format: 'A4' });
    const count = pdf.toString('latin1').match(/\/Type \/Page\b/g)?.length ?? 0;
    expect(count).toBeGreaterThan(3);
    expect(count).toBeLessThan(30);
    await close();
  });
});
