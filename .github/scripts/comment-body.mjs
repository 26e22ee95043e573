// The one comment of a pull request: the previews of all environments, folded, within GitHub's limit.

/** How the comment is found again. It is not shown. */
export const MARKER = '<!-- triton-stack:preview -->';

/** Characters that a comment may have. */
export const LIMIT = 65_536;

/** What an exit code of the preview means (preview/cli.ts). */
const VERDICTS = ['', ' · a policy or a limit fails', ' · cannot be evaluated'];

/**
 * @param {import('./read-previews.mjs').Preview[]} previews
 * @param {{ commit: string, run: string }} of the commit that was previewed, and the address of the run
 */
export function commentBody(previews, { commit, run }) {
  const head = `${MARKER}\n## What this changes\n\n${commit.slice(0, 12)} · [reports as HTML](${run}#artifacts)\n`;
  if (previews.length === 0) {
    return `${head}\nThe preview ended before it found anything: [its log](${run}) says why.\n`;
  }
  const wrapped = previews.map((preview) => {
    const open = `\n<details><summary><b>${preview.environment}</b>${verdict(preview)}</summary>\n\n`;
    const pointer = `\n\n_Cut here: the whole is in the artifact \`preview-${preview.environment}\` of [the run](${run}#artifacts)._`;
    return { open, pointer, text: contentOf(preview, run), close: '\n\n</details>\n' };
  });
  const fixed = wrapped.reduce((sum, { open, close }) => sum + open.length + close.length, head.length);
  const rooms = shares(
    wrapped.map(({ text }) => text.length),
    LIMIT - fixed,
  );
  return head + wrapped.map((each, at) => each.open + fitted(each, rooms[at]) + each.close).join('');
}

function verdict({ exitCode }) {
  return exitCode === undefined ? ' · ended before its time' : VERDICTS[exitCode];
}

function contentOf({ markdown, errors }, run) {
  if (markdown !== undefined) return harmless(markdown);
  if (errors === undefined) return `Nothing was found: [the log](${run}) says why.`;
  // Longer than any fence in it.
  const fence = '`'.repeat(Math.max(3, ...(errors.match(/`+/g) ?? []).map(({ length }) => length + 1)));
  return `${fence}text\n${harmless(errors).trimEnd()}\n${fence}`;
}

/**
 * Text of which nobody is told by GitHub: an invisible character keeps `@name` from being a mention. GitHub itself takes
 * scripts and styles out. Control characters go, line ends and tabs stay.
 */
function harmless(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\u0000-\u0008\u000B-\u001F\u007F]/g, '').replace(/@(?=[\w-])/g, '@\u200B');
}

/** Gives each what it needs, and where there is too little the longest the same. */
export function shares(needs, room) {
  const given = needs.map(() => 0);
  let left = Math.max(0, room);
  const order = needs.map((_, at) => at).sort((a, b) => needs[a] - needs[b]);
  order.forEach((at, index) => {
    given[at] = Math.min(needs[at], Math.floor(left / (order.length - index)));
    left -= given[at];
  });
  return given;
}

/** A text within its room: cut at the end of a line, with folds and code blocks closed, and a pointer to the rest. */
function fitted({ text, pointer }, room) {
  if (text.length <= room) return text;
  const lines = text.split('\n');
  for (let kept = lines.length - 1; kept > 0; kept -= 1) {
    const part = lines.slice(0, kept).join('\n');
    if (part.length + pointer.length > room) continue;
    const whole = part + closing(part) + pointer;
    if (whole.length <= room) return whole;
  }
  return pointer.trimStart().slice(0, room);
}

function closing(part) {
  const outside = [];
  let fence;
  for (const line of part.split('\n')) {
    const [found] = /^\s{0,3}(`{3,}|~{3,})/.exec(line)?.slice(1) ?? [];
    if (fence === undefined) {
      fence = found;
      if (found === undefined) outside.push(line);
    } else if (found?.startsWith(fence)) fence = undefined;
  }
  const text = outside.join('\n');
  const open = (text.match(/<details\b/g)?.length ?? 0) - (text.match(/<\/details>/g)?.length ?? 0);
  return `${fence === undefined ? '' : `\n${fence}`}${'\n\n</details>'.repeat(Math.max(0, open))}`;
}
