import { catalog, uncatalogued } from '../models/catalog';
import type { Model } from '../models/model';
import { InputError } from '../models/problem';

/**
 * A model of the catalogue, as a command line names it.
 *
 * @throws InputError where there is none of this name
 */
export function catalogModel(name: string): Model {
  const model = catalog.get(name);
  if (model !== undefined) return model;
  throw new InputError('command line', [uncatalogued('model', name)]);
}
