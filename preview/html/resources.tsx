import type { VNode } from 'preact';
import { CHART_TYPE } from '../../stacks/chart-resource';
import { byParent, isComponent } from '../build-plan';
import { cloudGist, resourceLabel } from '../gist';
import type { Plan, PlannedResource } from '../plan';
import { resourceAnchor } from './anchor';
import { FilterBar } from './filter-bar';
import { counted } from './format';
import { Yaml } from './yaml';

type Children = ReadonlyMap<string, readonly PlannedResource[]>;

/** Resources by the component that they belong to, each with its arguments folded. Objects of charts stand apart. */
export function Resources({ plan }: { readonly plan: Plan }): VNode {
  const children = byParent(plan.resources);
  const shown = new Map(plan.resources.filter((each) => isShown(each, children)).map((each) => [each.urn, each]));
  const stack = plan.resources.find(({ parent }) => parent === '');
  const count = [...shown.values()].filter((each) => !isComponent(each)).length;
  if (stack === undefined) return <p>Nothing is registered.</p>;
  return (
    <>
      <FilterBar list="resource-list" title="All resources" item={['resource', 'resources']} count={count} />
      <div id="resource-list">
        <Tree parent={stack.urn} children={children} shown={shown} />
      </div>
    </>
  );
}

function isShown(resource: PlannedResource, children: Children): boolean {
  if (resource.type === CHART_TYPE) return false;
  return !isComponent(resource) || (children.get(resource.urn) ?? []).some((child) => isShown(child, children));
}

interface TreeProps {
  readonly parent: string;
  readonly children: Children;
  readonly shown: ReadonlyMap<string, PlannedResource>;
}

function Tree({ parent, children, shown }: TreeProps): VNode {
  const members = (children.get(parent) ?? [])
    .filter(({ urn }) => shown.has(urn))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return (
    <ul class="plain tree">
      {members.map((member) =>
        isComponent(member) ? (
          <li key={member.urn} id={resourceAnchor(member.urn)} data-group-of-items>
            <p class="row-title">
              <strong>{member.name}</strong>
            </p>
            <Tree parent={member.urn} children={children} shown={shown} />
          </li>
        ) : (
          <Resource key={member.urn} resource={member} shown={shown} />
        ),
      )}
    </ul>
  );
}

function Resource({ resource, shown }: { resource: PlannedResource; shown: TreeProps['shown'] }): VNode {
  const { urn, type, inputs, options, dependencies } = resource;
  const gist = cloudGist(resource);
  const waitsFor = dependencies.flatMap((each) => shown.get(each) ?? []);
  return (
    <li id={resourceAnchor(urn)} data-item>
      <details>
        <summary>
          <strong>{resourceLabel(resource)}</strong>
          {gist !== '' && <span class="gist">{gist}</span>}
        </summary>
        <div class="body">
          <p class="quiet">
            <code>{type}</code>
            {options !== undefined && ` · ${optionText(options)}`}
          </p>
          {waitsFor.length > 0 && (
            <p class="quiet">
              After{' '}
              {waitsFor.map((each, index) => (
                <>
                  {index > 0 && ', '}
                  <a key={each.urn} href={`#${resourceAnchor(each.urn)}`}>
                    {isComponent(each) ? each.name : resourceLabel(each)}
                  </a>
                </>
              ))}
            </p>
          )}
          <Yaml value={inputs} />
        </div>
      </details>
    </li>
  );
}

function optionText(options: NonNullable<PlannedResource['options']>): string {
  return Object.entries(options)
    .map(([option, value]) =>
      Array.isArray(value) ? `${option} ${counted(value.length, 'value')}: ${value.join(', ')}` : option,
    )
    .join(' · ');
}
