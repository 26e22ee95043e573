import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  toJson,
} from '@bufbuild/protobuf';
import { fromText, toText } from '@bufbuild/protobuf/txtpb';
import { base64Decode } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { didYouMean } from '../parse';
import { InputError } from '../problem';
import data from './model-config-descriptor.json';

/** A `ModelConfig` message in protobuf's JSON mapping, with field names as in config.pbtxt. 64-bit integers are strings. */
export type ModelConfig = JsonObject;

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, base64Decode(data.descriptor)));
const schema = registry.getMessage('inference.ModelConfig') as DescMessage;

/**
 * The text of a config.pbtxt, through Triton's own protobuf schema.
 *
 * @throws Error where the message has a field or a value that the schema does not know
 */
export function configText(config: ModelConfig): string {
  return toText(schema, fromJson(schema, config, { registry }), { registry });
}

/**
 * Reads a config.pbtxt.
 *
 * @param source - what messages call the file
 * @throws InputError with line and column where it is no ModelConfig
 */
export function parseConfig(text: string, source: string): ModelConfig {
  const failure = failureOf(text);
  if (failure === undefined) {
    const message = fromText(schema, text, { registry });
    return toJson(schema, message, { registry, useProtoFieldName: true }) as ModelConfig;
  }
  const { line, column } = position(text, failure);
  throw new InputError(source, [
    {
      key: `line ${line}, column ${column}`,
      reason: `is not what Triton's schema allows: ${failure}`,
      ...suggestion(failure),
    },
  ]);
}

function failureOf(text: string): string | undefined {
  try {
    fromText(schema, text, { registry });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Where the text breaks: the reader does not say, but stops at the first token that is wrong, so that every shorter text
 * fails in another way or not at all.
 */
function position(text: string, failure: string): { line: number; column: number } {
  let fine = 0;
  let broken = text.length;
  while (broken - fine > 1) {
    const middle = Math.floor((fine + broken) / 2);
    if (failureOf(text.slice(0, middle)) === failure) broken = middle;
    else fine = middle;
  }
  const before = text.slice(0, broken);
  const start = /\S*\s?$/.exec(before)?.index ?? 0;
  const lines = text.slice(0, start).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

/** The names that were probably meant. */
function suggestion(failure: string): { allowed?: string; fix?: string } {
  const [, field, message] = /unknown field "(\w+)" for message (\S+)/.exec(failure) ?? [];
  const [, value, type] = /unknown enum value "(\w+)" for enum (\S+)/.exec(failure) ?? [];
  const known =
    message !== undefined
      ? registry.getMessage(message)?.fields.map(({ name }) => name)
      : registry.getEnum(type ?? '')?.values.map(({ name }) => name);
  if (known === undefined) return {};
  const meant =
    didYouMean(field ?? value ?? '', known) ??
    known.find((name) => name.toLowerCase() === (field ?? value)?.toLowerCase());
  return { allowed: known.join(', '), ...(meant !== undefined && { fix: `did you mean ${meant}?` }) };
}
