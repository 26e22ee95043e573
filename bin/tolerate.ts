/**
 * Does something that may fail in ways that are foreseen.
 *
 * @param codes - errors that are none: `ENOENT`
 * @returns whether it was done
 */
export function tolerate(codes: readonly string[], act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  }
}
