import type { VNode } from 'preact';
import { counted } from '../format';
import { objectGist } from '../gist';
import type { KubernetesObject, Plan, PlannedChart } from '../plan';
import { anchor } from './anchor';
import { FilterBar, tally } from './filter-bar';
import { anchorOfObject } from './links';
import { type SharedText, type SharedTexts, withoutTexts } from './shared-texts';
import { Pre, yamlText } from './yaml';

/** Up to this many charts their objects are listed at once. */
const OPEN = 12;
/** Characters of YAML in one page: a browser opens a page of some megabytes at once. Objects past it are named alone. */
export const YAML_BUDGET = 2_400_000;

/** Charts, their objects, and the YAML of each, folded. Long texts stand once, below. */
export function Charts(props: {
  readonly plan: Plan;
  readonly texts: SharedTexts;
  /** @default {@link YAML_BUDGET} */
  readonly budget?: number;
}): VNode {
  const { plan, texts } = props;
  const objects = plan.charts.flatMap((chart) => chart.objects);
  const page: Page = { environment: plan.environment, texts, left: props.budget ?? YAML_BUDGET };
  return (
    <>
      <FilterBar
        list="object-list"
        title="All objects"
        item={['object', 'objects']}
        count={objects.length}
        choices={[{ property: 'kind', label: 'Kind', options: tally(objects.map(({ kind }) => kind)) }]}
      />
      <ul id="object-list" class="plain tree">
        {plan.charts.map((chart) => (
          <Chart key={chart.name} chart={chart} open={plan.charts.length <= OPEN} page={page} />
        ))}
      </ul>
      {texts.size > 0 && (
        <>
          <h3>Long texts</h3>
          <ul class="plain tree">
            {[...texts.values()].map((text) => (
              <Text key={text.digest} text={text} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** What goes along while a page is written. */
interface Page {
  readonly environment: string;
  readonly texts: SharedTexts;
  /** Characters of YAML that there is room for. */
  left: number;
}

function Chart({ chart, open, page }: { chart: PlannedChart; open: boolean; page: Page }): VNode {
  const { name, objects } = chart;
  return (
    <li id={anchor('chart', name)} data-group-of-items>
      <details open={open} data-fold>
        <summary>
          <strong>{name}</strong>
          <span class="gist">{counted(objects.length, 'object')}</span>
        </summary>
        <ul class="plain tree">
          {objects.map((object) => (
            <ObjectItem key={anchorOfObject(name, object)} chart={name} object={object} page={page} />
          ))}
        </ul>
      </details>
    </li>
  );
}

function ObjectItem({ chart, object, page }: { chart: string; object: KubernetesObject; page: Page }): VNode {
  const { kind, metadata } = object;
  const { object: shortened, texts } = withoutTexts(object, page.texts);
  const gist = objectGist(object);
  const yaml = yamlText(shortened);
  page.left -= yaml.length;
  return (
    <li id={anchorOfObject(chart, object)} data-item data-kind={kind}>
      <details>
        <summary>
          <strong>
            {kind} {metadata.name === chart ? <span class="unseen">{metadata.name}</span> : metadata.name}
          </strong>
          {gist !== '' && <span class="gist">{gist}</span>}
        </summary>
        <div class="body">
          {page.left >= 0 ? (
            <Pre text={yaml} />
          ) : (
            <p>
              Left out, for the page to stay light: <code>npm run preview -- {page.environment} --out FOLDER</code>{' '}
              writes it to <code>manifests/{chart}.yaml</code>.
            </p>
          )}
          {texts.map(({ key, digest, lines }) => (
            <p key={digest}>
              <a href={`#${anchor('text', digest)}`}>
                {key}, {counted(lines, 'line')}
              </a>
            </p>
          ))}
        </div>
      </details>
    </li>
  );
}

function Text({ text: { digest, text, lines, key, objects } }: { readonly text: SharedText }): VNode {
  return (
    <li id={anchor('text', digest)}>
      <details>
        <summary>
          <strong>{key}</strong>
          <span class="gist">
            {counted(lines, 'line')}, in {counted(objects, 'object')}, SHA-256 {digest}…
          </span>
        </summary>
        <div class="body">
          <Pre text={text} />
        </div>
      </details>
    </li>
  );
}
