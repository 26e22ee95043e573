import { ApiObject, Chart } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { InputError } from '../models/problem';

/** The objects of each app, by kind, namespace and name. */
const OBJECTS = new WeakMap<IConstruct, Map<string, ApiObject>>();

/**
 * Checks that nothing else in the app makes an object that one below this construct makes: of two with one name the last
 * one that is applied would be all there is.
 *
 * @throws InputError where something does
 */
export function uniqueObjects(construct: IConstruct): void {
  const known = objectsOf(construct);
  const problems = apiObjects(construct).flatMap((object) => {
    const key = keyOf(object.kind, namespaceOf(object), object.name);
    const other = known.get(key);
    if (other === undefined || other === object) {
      known.set(key, object);
      return [];
    }
    return [
      {
        key: object.node.path,
        value: `${object.kind}/${object.name}`,
        reason: `is what ${other.node.path} makes already`,
        fix: 'another name, of the model or by the prop name where there is one',
      },
    ];
  });
  if (problems.length > 0) throw new InputError(construct.node.path, problems);
}

/** Whether something in the app makes such an object beside this construct. */
export function isMade(construct: IConstruct, kind: string, name: string): boolean {
  return objectsOf(construct).has(keyOf(kind, Chart.of(construct).namespace, name));
}

/** The objects below a construct. */
export function apiObjects(construct: IConstruct): ApiObject[] {
  return construct.node.findAll().filter((each) => ApiObject.isApiObject(each)) as ApiObject[];
}

function objectsOf(construct: IConstruct): Map<string, ApiObject> {
  const { root } = construct.node;
  const known = OBJECTS.get(root) ?? new Map<string, ApiObject>();
  OBJECTS.set(root, known);
  return known;
}

function namespaceOf(object: ApiObject): string | undefined {
  return object.metadata.namespace ?? object.chart.namespace;
}

function keyOf(kind: string, namespace: string | undefined, name: string): string {
  return `${kind} ${namespace ?? ''} ${name}`;
}
