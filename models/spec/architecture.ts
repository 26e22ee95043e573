import { z } from 'zod';
import { InputError, type Problem } from '../problem';

/**
 * Dimensions of a dense or mixture-of-experts decoder-only transformer with gated feed-forward layers: Llama, Mistral,
 * Mixtral, Qwen2. As in the model's `config.json` on Hugging Face.
 */
export interface Architecture {
  /** `num_hidden_layers` */
  readonly layers: number;
  /** `hidden_size` */
  readonly hidden: number;
  /** `intermediate_size`: width of the feed-forward layers, of one expert where there are experts. */
  readonly ffn: number;
  /** `num_attention_heads` */
  readonly heads: number;
  /** `num_key_value_heads`: fewer than heads under grouped-query attention. */
  readonly kvHeads: number;
  /** `head_dim`, or hidden size by heads. */
  readonly headDim: number;
  /** `vocab_size` */
  readonly vocab: number;
  /** `num_local_experts`. @default 1: a dense model */
  readonly experts?: number;
  /** `num_experts_per_tok`. @default 1 */
  readonly activeExperts?: number;
  /** `tie_word_embeddings`: embedding and head are one matrix. @default false */
  readonly tiedEmbeddings?: boolean;
  /** Query, key and value have biases, as in Qwen2. @default false */
  readonly attentionBias?: boolean;
}

const positive = z.int().min(1);

export const architectureSchema = z.strictObject({
  layers: positive,
  hidden: positive,
  ffn: positive,
  heads: positive,
  kvHeads: positive,
  headDim: positive,
  vocab: positive,
  experts: positive.optional(),
  activeExperts: positive.optional(),
  tiedEmbeddings: z.boolean().optional(),
  attentionBias: z.boolean().optional(),
});

/** Dimensions that contradict each other, told against `key`. */
export function architectureProblems(architecture: Architecture, key: string): Problem[] {
  const { heads, kvHeads, experts = 1, activeExperts = 1 } = architecture;
  const problems: Problem[] = [];
  if (heads % kvHeads !== 0) {
    problems.push({
      key: `${key}.kvHeads`,
      value: kvHeads,
      reason: `the ${heads} attention heads are shared out among key-value heads, and do not divide by it`,
      allowed: `divisors of ${heads}`,
    });
  }
  if (activeExperts > experts) {
    problems.push({
      key: `${key}.activeExperts`,
      value: activeExperts,
      reason: `more experts for a token than there are (${experts})`,
      allowed: `1 to ${experts}`,
    });
  }
  return problems;
}

/** The kinds of model (`model_type`) whose layers are as {@link Architecture} describes them. */
const MODEL_TYPES: Readonly<Record<string, Pick<Architecture, 'attentionBias'>>> = {
  llama: {},
  mistral: {},
  mixtral: {},
  qwen2: { attentionBias: true },
};

/**
 * Reads dimensions from a Hugging Face `config.json`.
 *
 * @param source - what messages call the file
 * @throws InputError where a dimension is missing, or the model is of another kind
 */
export function architectureFromHuggingFace(config: unknown, source: string): Architecture {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new InputError(source, [
      { key: 'config.json', reason: 'is no map of keys', fix: "take the model's own config.json" },
    ]);
  }
  const values = config as Record<string, unknown>;
  const problems: Problem[] = [];
  const type = String(values.model_type ?? '');
  const kind = MODEL_TYPES[type];
  if (kind === undefined) {
    problems.push({
      key: 'model_type',
      value: values.model_type,
      reason: 'its layers are not of the kind that the arithmetic here knows',
      allowed: Object.keys(MODEL_TYPES).join(', '),
      fix: 'state memory by measurement for other kinds',
    });
  }
  const read = (key: string, fallback?: number): number => {
    const value = values[key] ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value;
    problems.push({
      key,
      ...(values[key] !== undefined && { value: values[key] }),
      reason: values[key] === undefined ? 'is missing' : 'is no size',
      allowed: 'a whole number, at least 1',
    });
    return 1;
  };
  const heads = read('num_attention_heads');
  const hidden = read('hidden_size');
  const experts = values.num_local_experts === undefined ? 1 : read('num_local_experts');
  const architecture: Architecture = {
    layers: read('num_hidden_layers'),
    hidden,
    ffn: read('intermediate_size'),
    heads,
    kvHeads: read('num_key_value_heads', heads),
    headDim: read('head_dim', hidden / heads),
    vocab: read('vocab_size'),
    ...(experts > 1 && { experts, activeExperts: read('num_experts_per_tok') }),
    ...(values.tie_word_embeddings === true && { tiedEmbeddings: true }),
    ...(kind?.attentionBias && { attentionBias: true }),
  };
  problems.push(...(problems.length === 0 ? architectureProblems(architecture, 'config.json') : []));
  if (problems.length > 0) throw new InputError(source, problems);
  return architecture;
}
