import { ApiObject, Chart } from 'cdk8s';
import type { Manifest } from '../constructs/after-mapping';

/**
 * The objects of a chart: what `chart.toJson()` gives, in the same order.
 *
 * That builds the graph of dependencies of the whole app several times over, a fifth of all synthesis, to order objects
 * by it. Where nothing depends on anything, they stand in the order in which they were made.
 *
 * @throws Error where a construct's own validation fails
 */
export function chartObjects(chart: Chart): Manifest[] {
  const constructs = chart.node.findAll();
  const isPlain = constructs.every(
    (each) =>
      (each === chart || !Chart.isChart(each)) &&
      each.node.dependencies.length === 0 &&
      // `toJson` tells what is wrong.
      each.node.validate().length === 0,
  );
  if (!isPlain) return chart.toJson();
  return constructs.filter((each): each is ApiObject => ApiObject.isApiObject(each)).map((object) => object.toJson());
}
