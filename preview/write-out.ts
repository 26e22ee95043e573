import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { replaceFile } from '../bin/replace-file';
import { InputError } from '../models/problem';
import { manifestYaml } from './manifest-yaml';
import type { Plan } from './plan';
import { planJson } from './plan-json';

const PLAN_FILE = 'plan.json';
const MANIFESTS_FOLDER = 'manifests';

/**
 * Writes `plan.json` and one manifest a chart below `folder`: all of it or nothing. What an earlier run wrote there is
 * replaced.
 *
 * @throws InputError where the folder holds anything else, or cannot be written
 */
export function writeOut(plan: Plan, folder: string): void {
  const target = resolve(folder);
  refuseForeign(folder, target);
  try {
    mkdirSync(dirname(target), { recursive: true });
    const staging = mkdtempSync(join(dirname(target), `.${basename(target)}-`));
    try {
      fill(plan, staging);
      replace(target, staging);
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  } catch (error) {
    throw refused(folder, `cannot be written: ${(error as Error).message}`, 'a folder that can be written');
  }
}

/**
 * Writes a report to a file: all of it or nothing.
 *
 * @param flag - what named the file: `--html`
 * @throws InputError where the file cannot be written
 */
export function writeReport(flag: string, file: string, text: string): void {
  try {
    mkdirSync(dirname(resolve(file)), { recursive: true });
    replaceFile(resolve(file), text, 0o644);
  } catch (error) {
    throw new InputError('command line', [
      {
        key: flag,
        value: file,
        reason: `cannot be written: ${(error as Error).message}`,
        allowed: 'a file in a folder that can be written',
        fix: 'name another file',
      },
    ]);
  }
}

function fill(plan: Plan, folder: string): void {
  writeFileSync(join(folder, PLAN_FILE), planJson(plan));
  const manifests = join(folder, MANIFESTS_FOLDER);
  mkdirSync(manifests);
  for (const { name, objects } of plan.charts) writeFileSync(join(manifests, `${name}.yaml`), manifestYaml(objects));
}

function replace(target: string, staging: string): void {
  if (!existsSync(target)) {
    renameSync(staging, target);
    return;
  }
  // A folder that is not empty cannot be renamed over: the old one steps aside first.
  const previous = `${staging}.old`;
  renameSync(target, previous);
  renameSync(staging, target);
  rmSync(previous, { recursive: true, force: true });
}

function refuseForeign(folder: string, target: string): void {
  if (!existsSync(target)) return;
  if (!statSync(target).isDirectory())
    throw refused(folder, 'is a file', 'a folder, which is made where it is not there');
  const foreign = readdirSync(target).filter((name) => name !== PLAN_FILE && name !== MANIFESTS_FOLDER);
  if (foreign.length === 0) return;
  throw refused(
    folder,
    `holds other files, which would be lost (${foreign.slice(0, 3).join(', ')}${foreign.length > 3 ? ', ...' : ''})`,
    'a new or empty folder, or one from an earlier preview',
  );
}

function refused(folder: string, reason: string, allowed: string): InputError {
  return new InputError('command line', [{ key: '--out', value: folder, reason, allowed, fix: 'name another folder' }]);
}
