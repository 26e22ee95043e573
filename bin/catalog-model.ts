import { catalog } from '../models/catalog';
import type { Model } from '../models/model';
import { didYouMean } from '../models/parse';
import { InputError } from '../models/problem';

/**
 * A model of the catalogue, as a command line names it.
 *
 * @throws InputError where there is none of this name
 */
export function catalogModel(name: string): Model {
  const model = catalog.get(name);
  if (model !== undefined) return model;
  const names = [...catalog.keys()];
  const meant = didYouMean(name, names);
  throw new InputError('command line', [
    {
      key: 'model',
      value: name,
      reason: 'is not in the catalogue',
      allowed: names.join(', '),
      fix: meant === undefined ? 'add it to models/catalog/' : `did you mean ${meant}?`,
    },
  ]);
}
