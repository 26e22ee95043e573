import type { VNode } from 'preact';
import { manifestYaml } from '../manifest-yaml';
import type { KubernetesObject } from '../plan';

const DOCUMENT = '---\n';

/** A value as YAML. Long lines scroll, by keyboard as well. */
export function Yaml({ value }: { readonly value: object }): VNode {
  return <Pre text={yamlText(value)} />;
}

/** A text as it is, in a box of its own that scrolls. */
export function Pre({ text }: { readonly text: string }): VNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <pre tabIndex={0}>
      <code>{text}</code>
    </pre>
  );
}

/** A value as YAML, without a line break at its end. */
export function yamlText(value: object): string {
  if (Object.keys(value).length === 0) return Array.isArray(value) ? '[]' : '{}';
  return manifestYaml([value as KubernetesObject])
    .slice(DOCUMENT.length)
    .trimEnd();
}
