import { accelerator, hardwareLabel } from '../models/accelerator';
import { isUnpriced } from '../models/cost';
import type { EngineBuild } from '../models/engine-build';
import { type Explanation, explain, type ModelCost } from '../models/explain';
import type { FitChange } from '../models/fit';
import { GIB, type MemoryFit, type MemoryLayout } from '../models/memory';
import type { Model } from '../models/model';
import type { ModelConfig } from '../models/repository/model-config';
import { wrap } from '../models/text';
import type { Style } from './command';

const gib = (bytes: number) => (bytes / GIB).toFixed(2);

/** What follows from a model, as a person reads it. */
export function renderExplanation(explanation: Explanation, style: Style): string {
  const { colours } = style;
  const { model, backend, memory, changes, derivations, repository, parameters } = explanation;
  const size = parameters === undefined ? '' : ` · ${(parameters / 1e9).toFixed(2)} billion parameters`;
  const lines = [
    `${colours.bold(model)} · ${backend} on ${hardwareLabel(explanation.accelerator)}${size}`,
    '',
    ...(explanation.gpus.total === 0
      ? []
      : [
          colours.bold('Memory of one GPU'),
          ...memoryLines(memory, style),
          ...(memory.fits ? [] : changeLines(changes, style)),
          '',
        ]),
    colours.bold('What follows'),
    ...derivations.flatMap(({ name, value, from }) => [
      ...entry(`  ${name}`, 18, value, style),
      ...entry('', 18, `from ${from}`, style).map(colours.dim),
    ]),
    ...(explanation.engine === undefined ? [] : engineLines(explanation.engine, style)),
    ...(explanation.cost === undefined ? [] : costLines(explanation.cost, style)),
    '',
    colours.bold('Model repository'),
    ...repository.flatMap((file) => {
      const says = 'content' in file ? 'follows from the model' : file.artifact;
      return [`  ${file.path}`, ...entry('', 4, says, style).map(colours.dim)];
    }),
  ];
  return `${lines.join('\n')}\n`;
}

/** How a language model fills its GPUs. */
export function renderFit(model: Model, style: Style): string {
  const { memory, changes, parameters = 0, gpus } = explain(model);
  const lines = [
    `${(parameters / 1e9).toFixed(3)} billion parameters on ${gpus.total} x ${hardwareLabel(model.accelerator)}`,
    '',
    style.colours.bold('Memory of one GPU'),
    ...memoryLines(memory, style),
    ...(memory.fits ? [] : changeLines(changes, style)),
  ];
  return `${lines.join('\n')}\n`;
}

const PARTS = [
  ['weights', '█'],
  ['activations', '▓'],
  ['context', '▒'],
  ['kvCache', '░'],
  ['free', '·'],
] as const;
const NAMES = {
  weights: 'weights',
  activations: 'activations',
  context: 'CUDA',
  kvCache: 'KV cache',
  free: 'free',
} as const;

function memoryLines(fit: MemoryFit, style: Style): string[] {
  const { layout, kv } = fit;
  const legend = PARTS.filter(([part]) => layout[part] !== 0).map(
    ([part, mark]) => `  ${mark} ${NAMES[part].padEnd(12)}${gib(layout[part]).padStart(8)} GiB`,
  );
  const verdict = fit.fits
    ? style.colours.green('fits')
    : style.colours.red(`does not fit: ${gib(fit.missing)} GiB are missing`);
  return [
    `  ${bar(layout, style.width - 4)}`,
    ...legend,
    `    ${'of'.padEnd(12)}${gib(layout.gpu).padStart(8)} GiB`,
    ...entry('', 2, `${verdict}${kv === undefined ? '' : `; the KV cache holds ${kvText(kv)}`}`, style),
  ];
}

function kvText({ tokens, sequences, longestSequence, bytesPerToken }: NonNullable<MemoryFit['kv']>): string {
  return `${tokens.toLocaleString('en-US')} tokens of ${bytesPerToken / 1024} KiB: ${sequences} sequences of ${longestSequence.toLocaleString('en-US')}`;
}

/** The parts of a GPU's memory as one line, in proportion. */
function bar(layout: MemoryLayout, width: number): string {
  const used = PARTS.reduce((sum, [part]) => sum + Math.max(0, layout[part]), 0);
  let done = 0;
  let drawn = 0;
  return PARTS.map(([part, mark]) => {
    done += Math.max(0, layout[part]);
    const until = Math.round((done / used) * width);
    const text = mark.repeat(until - drawn);
    drawn = until;
    return text;
  }).join('');
}

function changeLines(changes: readonly FitChange[], style: Style): string[] {
  if (changes.length === 0) return ['  no single change is enough'];
  return [
    '  each of these would make it fit, cheapest first:',
    ...changes.flatMap(({ change, gpus, accelerator: name, usdPerHour, fit }) =>
      entry(
        `  ${change}`,
        32,
        `${gpus} x ${accelerator(name).label} (${usd(usdPerHour)}/h), weights ${gib(fit.layout.weights)} GiB, ${fit.kv?.sequences ?? 0} sequences`,
        style,
      ),
    ),
  ];
}

function engineLines({ steps, runsOn }: EngineBuild, style: Style): string[] {
  return [
    '',
    style.colours.bold('Engine build'),
    ...steps.flatMap(({ name, command }) => [`  ${name}`, ...commandLines(command, style)]),
    ...entry('', 2, runsOn.reason, style).map(style.colours.dim),
  ];
}

/** A command over as many lines as it takes, as a shell reads it; an option stays beside its value. */
function commandLines(command: readonly string[], { width }: Style): string[] {
  const words: string[] = [];
  for (const word of command) {
    const last = words.at(-1);
    if (last?.startsWith('--') && !last.includes(' ') && !word.startsWith('--'))
      words[words.length - 1] = `${last}\u00a0${word}`;
    else words.push(word);
  }
  const lines = wrap(words.join(' '), width - 8).map((line) => line.replaceAll('\u00a0', ' '));
  return lines.map((line, index) => `    ${index === 0 ? '' : '  '}${line}${index < lines.length - 1 ? ' \\' : ''}`);
}

const usd = (amount: number) => `$${amount.toFixed(2)}`;

function costLines({ machineType, region, utilization, byPurchase }: ModelCost, style: Style): string[] {
  const { colours } = style;
  const priced = Object.values(byPurchase).flatMap((cost) => (isUnpriced(cost) ? [] : [cost]));
  const sources = new Map(priced.flatMap((cost) => cost.sources).map(({ source, date }) => [source, date]));
  return [
    '',
    `${colours.bold('Cost')} of one replica: ${machineType}, ${region}, active ${Math.round(utilization * 100)} % of the time`,
    ...Object.entries(byPurchase).flatMap(([purchase, cost]) => {
      if (isUnpriced(cost)) return entry(`  ${purchase}`, 18, `unknown: ${cost.missing.join('; ')}`, style);
      const { idle, active, month, millionTokens } = cost;
      const tokens = millionTokens === undefined ? '' : `, ${usd(millionTokens.active)} a million tokens`;
      return entry(
        `  ${purchase}`,
        18,
        `idle ${usd(idle.usdPerHour)}/h, active ${usd(active.usdPerHour)}/h, ${usd(month.usd)} a month${tokens}`,
        style,
      );
    }),
    ...[...sources].flatMap(([source, date]) => entry('', 2, `prices of ${date}: ${source}`, style).map(colours.dim)),
  ];
}

/** What a config.pbtxt says, in a few lines. */
export function renderConfig(file: string, config: ModelConfig, style: Style): string {
  // biome-ignore lint/suspicious/noExplicitAny: a message in protobuf's JSON mapping
  const c = config as any;
  const batches = (c.max_batch_size ?? 0) === 0 ? 'no batches' : `batches of ${c.max_batch_size} at most`;
  const scheduler = ['dynamic_batching', 'sequence_batching', 'ensemble_scheduling'].find(
    (key) => c[key] !== undefined,
  );
  const groups = (c.instance_group ?? []).map(
    (group: { count?: number; kind?: string }) => `${group.count ?? 1} ${group.kind ?? 'KIND_AUTO'}`,
  );
  const io = (all: { name: string; data_type: string; dims: string[]; optional?: boolean }[] = []) =>
    all.map(({ name, data_type, dims, optional }) => {
      return `${name} ${data_type.replace('TYPE_', '')}[${dims.join(',')}]${optional ? '?' : ''}`;
    });
  const rows: [string, string][] = [
    ['model', `${c.name ?? "(the folder's name)"}, ${c.backend ?? c.platform}`],
    ['batching', `${batches}${scheduler === undefined ? '' : `, ${scheduler}`}`],
    ['responses', c.model_transaction_policy?.decoupled ? 'any number to a request (decoupled)' : 'one to a request'],
    ['instances', groups.length === 0 ? "the server's choice" : groups.join(', ')],
    ['inputs', io(c.input).join(', ') || '(from the model file)'],
    ['outputs', io(c.output).join(', ') || '(from the model file)'],
  ];
  const lines = rows.flatMap(([name, value]) => entry(`  ${name}`, 13, value, style));
  return `${style.colours.green('✓')} ${file}\n${lines.join('\n')}\n`;
}

function entry(label: string, column: number, text: string, { width }: Style): string[] {
  return wrap(text, width - column).map((line, index) => `${(index === 0 ? label : '').padEnd(column)}${line}`);
}
