import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { manifestYaml } from '../../preview/manifest-yaml';
import type { KubernetesObject, PlannedChart } from '../../preview/plan';

/**
 * Writes a Helm chart whose templates render the objects of these charts, for as many models as its values list.
 *
 * What differs between models of a kind (the name, and the name without dots) is a template's variable, as people write
 * charts; everything else stands in the template.
 *
 * @param kinds - one chart for each kind of model, by the kind's name
 * @param values - names of models by kind
 */
export function writeHelmChart(
  folder: string,
  kinds: Readonly<Record<string, PlannedChart>>,
  values: Readonly<Record<string, readonly string[]>>,
): void {
  mkdirSync(join(folder, 'templates'), { recursive: true });
  writeFileSync(join(folder, 'Chart.yaml'), dump({ apiVersion: 'v2', name: 'models', version: '0.1.0' }));
  writeFileSync(join(folder, 'values.yaml'), dump({ models: values }));
  for (const [kind, { name, objects }] of Object.entries(kinds)) {
    const template = templateOf(objects, name.replace(/^triton-/, ''));
    writeFileSync(
      join(folder, 'templates', `${kind}.yaml`),
      `{{- range index .Values.models ${JSON.stringify(kind)} }}\n${template}{{- end }}\n`,
    );
  }
}

function templateOf(objects: readonly KubernetesObject[], slug: string): string {
  return manifestYaml(objects).replaceAll('{{', '{{ "{{" }}').replaceAll(slug, '{{ . }}');
}
