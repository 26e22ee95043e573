import type { VNode } from 'preact';

/** What fills a GPU's memory, in the order of the bar. */
export const PARTS = ['weights', 'activations', 'context', 'kvCache', 'free'] as const;
export type Part = (typeof PARTS)[number];

export const PART_NAMES: Readonly<Record<Part, string>> = {
  weights: 'Weights',
  activations: 'Activations',
  context: 'CUDA context',
  kvCache: 'KV cache',
  free: 'Free',
};

/** Patterns that the bars are filled with beside their colours: each part can be told without colour. */
export function Patterns(): VNode {
  return (
    <svg class="definitions" width="0" height="0" aria-hidden="true" focusable="false">
      <defs>
        <pattern id="p-weights" width="8" height="8" patternUnits="userSpaceOnUse">
          <rect class="ground weights" width="8" height="8" />
        </pattern>
        <pattern id="p-activations" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect class="ground activations" width="6" height="6" />
          <rect class="mark" width="2" height="6" />
        </pattern>
        <pattern id="p-context" width="6" height="6" patternUnits="userSpaceOnUse">
          <rect class="ground context" width="6" height="6" />
          <circle class="mark" cx="3" cy="3" r="1.25" />
        </pattern>
        <pattern id="p-kvCache" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
          <rect class="ground kvCache" width="8" height="8" />
          <rect class="mark" width="1.25" height="8" />
        </pattern>
      </defs>
    </svg>
  );
}

/** A square with a part's fill, beside its name. */
export function Swatch({ part }: { readonly part: Part }): VNode {
  return (
    <svg class="swatch" width="12" height="12" aria-hidden="true" focusable="false">
      <rect class={`part ${part}`} width="12" height="12" />
    </svg>
  );
}
