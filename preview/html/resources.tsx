import type { VNode } from 'preact';
import { byParent, isComponent } from '../build-plan';
import { counted } from '../format';
import { cloudGist, resourceLabel } from '../gist';
import type { Plan, PlannedResource } from '../plan';
import { resourceAnchor } from './anchor';
import { FilterBar } from './filter-bar';
import { anchorsByUrn, treeOf } from './links';
import { Yaml } from './yaml';

/** Resources by the component that they belong to, each with its arguments folded. Objects of charts stand apart. */
export function Resources({ plan }: { readonly plan: Plan }): VNode {
  const registered: Registered = {
    children: byParent(plan.resources),
    byUrn: new Map(plan.resources.map((resource) => [resource.urn, resource])),
    shown: treeOf(plan),
    anchors: anchorsByUrn(plan),
  };
  const count = [...registered.shown.values()].filter((each) => !isComponent(each)).length;
  const stack = plan.resources.find(({ parent }) => parent === '');
  if (stack === undefined) return <p>Nothing is registered.</p>;
  return (
    <>
      <FilterBar list="resource-list" title="All resources" item={['resource', 'resources']} count={count} />
      <div id="resource-list">
        <Tree parent={stack.urn} registered={registered} />
      </div>
    </>
  );
}

/** The plan's resources, as they are looked up. */
interface Registered {
  readonly children: ReadonlyMap<string, readonly PlannedResource[]>;
  readonly byUrn: ReadonlyMap<string, PlannedResource>;
  /** What stands in the tree. */
  readonly shown: ReadonlyMap<string, PlannedResource>;
  /** What stands anywhere in the page. */
  readonly anchors: ReadonlyMap<string, string>;
}

function Tree({ parent, registered }: { readonly parent: string; readonly registered: Registered }): VNode {
  const members = (registered.children.get(parent) ?? [])
    .filter(({ urn }) => registered.shown.has(urn))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return (
    <ul class="plain tree">
      {members.map((member) =>
        isComponent(member) ? (
          <li key={member.urn} id={resourceAnchor(member.urn)} data-group-of-items>
            <p class="group-title">{member.name}</p>
            <Tree parent={member.urn} registered={registered} />
          </li>
        ) : (
          <Resource key={member.urn} resource={member} registered={registered} />
        ),
      )}
    </ul>
  );
}

function Resource({ resource, registered }: { resource: PlannedResource; registered: Registered }): VNode {
  const { urn, type, inputs, options, dependencies } = resource;
  const gist = cloudGist(resource);
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
          <Dependencies urns={dependencies} registered={registered} />
          <Yaml value={inputs} />
        </div>
      </details>
    </li>
  );
}

function Dependencies({ urns, registered }: { urns: readonly string[]; registered: Registered }): VNode | null {
  const links = urns.flatMap((urn) => {
    const resource = registered.byUrn.get(urn);
    const target = registered.anchors.get(urn);
    if (resource === undefined || target === undefined) return [];
    return [
      <a key={urn} href={`#${target}`}>
        {isComponent(resource) ? resource.name : resourceLabel(resource)}
      </a>,
    ];
  });
  if (links.length === 0) return null;
  return <p class="quiet">After {links.flatMap((link, index) => (index === 0 ? [link] : [', ', link]))}</p>;
}

function optionText(options: NonNullable<PlannedResource['options']>): string {
  return Object.entries(options)
    .map(([option, value]) =>
      Array.isArray(value) ? `${option} ${counted(value.length, 'value')}: ${value.join(', ')}` : option,
    )
    .join(' · ');
}
