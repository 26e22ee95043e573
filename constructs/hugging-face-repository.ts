import * as kplus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { Model } from '../models/model';
import { repositoryLayout } from '../models/repository/layout';
import type { Manifest } from './after-mapping';
import type { HuggingFaceSource } from './model-source';
import { contentHash } from './naming';

export interface HuggingFaceRepositoryProps {
  /** Prefix of the ConfigMap's name. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly model: Model;
  readonly source: HuggingFaceSource;
}

/**
 * The model repository of a server that fetches its weights from the Hugging Face Hub: config.pbtxt and model.json, which
 * follow from the model's description, in a ConfigMap named by its content: a changed model is a new object, and the pods
 * roll.
 */
export class HuggingFaceRepository extends Construct {
  constructor(scope: Construct, id: string, props: HuggingFaceRepositoryProps) {
    super(scope, id);
    new kplus.ConfigMap(this, 'repository', {
      metadata: { name: repositoryName(props), labels: { ...props.labels } },
      data: Object.fromEntries(files(props).map(({ key, content }) => [key, content])),
      immutable: true,
    });
  }
}

/** The ConfigMap as a volume that holds the model's folder. */
export function repositoryVolume(props: Omit<HuggingFaceRepositoryProps, 'labels'>): Manifest {
  return {
    name: repositoryName(props),
    items: files(props).map(({ key, path }) => ({ key, path })),
  };
}

type Repository = Omit<HuggingFaceRepositoryProps, 'labels'>;

function repositoryName(props: Repository): string {
  return `${props.name}-repository-${contentHash(files(props))}`;
}

/** A key of a ConfigMap has no slashes. */
function files({ model, source }: Repository): { key: string; path: string; content: string }[] {
  return repositoryLayout(model, { huggingFace: source }).flatMap((entry) =>
    'content' in entry ? [{ key: entry.path.replaceAll('/', '_'), path: entry.path, content: entry.content }] : [],
  );
}
