/** How much faster than in the cloud nodes come, models load and empty nodes go. */
export const PACE = 200;

/** Seconds of the cloud as seconds of a sandbox. */
export function scaledSeconds(seconds: number): number {
  return seconds / PACE;
}
