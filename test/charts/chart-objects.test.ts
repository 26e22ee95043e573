import { App, Chart } from 'cdk8s';
import { ConfigMap } from 'cdk8s-plus-28';
import { describe, expect, it } from 'vitest';
import { chartObjects } from '../../charts/chart-objects';
import { engineOnL4 } from '../../examples/engine-on-l4';
import { tensorParallel } from '../../examples/tensor-parallel';

/** A chart of three objects, of which the first depends on the last where it says so. */
function threeObjects(dependent = false): Chart {
  const chart = new Chart(new App(), 'three');
  const [first, , last] = ['c', 'a', 'b'].map((name) => new ConfigMap(chart, name, { metadata: { name } }));
  if (dependent && last !== undefined) first?.node.addDependency(last);
  return chart;
}

const names = (chart: Chart) => chartObjects(chart).map(({ metadata }) => metadata.name);

describe('chartObjects', () => {
  it.each([engineOnL4, tensorParallel])('gives what toJson gives: %o', (example) => {
    const [ours, theirs] = [example, example].map((each) => each().charts[0] as Chart);
    const objects = JSON.stringify(chartObjects(ours as Chart));
    expect(objects).toBe(JSON.stringify(theirs?.toJson()));
    expect(objects).toContain('triton-llama-3-1');
  });

  it('keeps the order in which objects were made, and that of their dependencies', () => {
    expect(names(threeObjects())).toEqual(['c', 'a', 'b']);
    expect(names(threeObjects(true))).toEqual(
      threeObjects(true)
        .toJson()
        .map(({ metadata }) => metadata.name),
    );
    expect(names(threeObjects(true)).indexOf('b')).toBeLessThan(names(threeObjects(true)).indexOf('c'));
  });

  it('leaves the objects of a chart below to that chart', () => {
    const chart = threeObjects();
    new ConfigMap(new Chart(chart, 'below'), 'd', { metadata: { name: 'd' } });
    expect(names(chart)).toEqual(['c', 'a', 'b']);
  });

  it("runs the constructs' own checks", () => {
    const chart = threeObjects();
    chart.node.addValidation({ validate: () => ['a reason'] });
    expect(() => chartObjects(chart)).toThrow(/\[three\] a reason/);
  });
});
