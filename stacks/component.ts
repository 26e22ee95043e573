import { ComponentResource, type ComponentResourceOptions, type Resource } from '@pulumi/pulumi';

/** Options of a component. */
export interface ComponentOptions extends ComponentResourceOptions {
  /** What has to be there before anything of the component is. */
  readonly dependsOn?: Resource[];
}

/** Options of a component's child. */
export interface ChildOptions {
  readonly parent: ComponentResource;
  readonly dependsOn: Resource[];
}

/**
 * A component of the stack: a name for a group of resources, which take it as their parent.
 *
 * Pulumi hands a component's `dependsOn` to nothing below it, so {@link Component.child} does.
 */
export class Component extends ComponentResource {
  /** Options of a child: it has the component as its parent, and waits for what the component waits for. */
  protected readonly child: ChildOptions;

  constructor(kind: string, name: string, opts: ComponentOptions) {
    super(`triton-stack:${kind}`, name, {}, opts);
    this.child = { parent: this, dependsOn: opts.dependsOn ?? [] };
  }

  /** Options of a child that waits for some of its siblings besides. */
  protected childAfter(...siblings: readonly Resource[]): ChildOptions {
    return { parent: this, dependsOn: [...this.child.dependsOn, ...siblings] };
  }
}
