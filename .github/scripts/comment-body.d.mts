import type { Preview } from './read-previews.mjs';

export declare const MARKER: string;
export declare const LIMIT: number;
export declare function commentBody(
  previews: readonly Preview[],
  of: { readonly commit: string; readonly run: string },
): string;
export declare function shares(needs: readonly number[], room: number): number[];
