/** Longest wait for one answer: who has died refuses at once, and a busy machine may take seconds. */
const ANSWER_MS = 10_000;

/** Whether what an address answers is what is asked for, success unless said otherwise; no answer is not. */
export async function answers(url: string, right: (response: Response) => boolean = ({ ok }) => ok): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    await response.arrayBuffer();
    return right(response);
  } catch {
    return false;
  }
}
