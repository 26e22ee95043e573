const checked = new WeakSet<object>();

/** Notes that an object is a model that was checked. */
export function markChecked<T extends object>(model: T): T {
  checked.add(model);
  return model;
}

/** Whether a value is a model that was checked: nothing else can be a member of an ensemble. */
export function isChecked(value: unknown): boolean {
  return typeof value === 'object' && value !== null && checked.has(value);
}
