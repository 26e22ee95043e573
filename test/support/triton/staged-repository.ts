import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** What is written otherwise for this machine. */
export interface Rewrites {
  /** `KIND_GPU` becomes `KIND_CPU`, and lists of `gpus` go. */
  readonly gpuAsCpu: boolean;
  /** Strings that start with this folder start with the repository's. */
  readonly mountedAt?: string | undefined;
}

/**
 * A model repository with rewritten `config.pbtxt`; all else are links.
 *
 * It works on the text, not on the message: a configuration that the server has to refuse must reach it.
 */
export class StagedRepository {
  constructor(
    private readonly repository: string,
    readonly folder: string,
    private readonly rewrites: Rewrites,
  ) {}

  /**
   * Makes it what the repository is now. What has not changed stays: a load loads again what has a new time of change,
   * and the server looks at both mtime and ctime.
   */
  refresh(): void {
    mkdirSync(this.folder, { recursive: true });
    prune(this.repository, this.folder);
    for (const model of readdirSync(this.repository)) {
      const [from, to] = [join(this.repository, model), join(this.folder, model)];
      if (existsSync(join(from, 'config.pbtxt'))) this.stage(from, to);
      else link(from, to);
    }
  }

  /** A configuration that goes to the load API. */
  rewriteConfig(config: object): object {
    const json = this.rewriteFolder(JSON.stringify(config));
    if (!this.rewrites.gpuAsCpu) return JSON.parse(json);
    return JSON.parse(
      json.replaceAll('"kind":"KIND_GPU"', '"kind":"KIND_CPU"').replaceAll(/"gpus":\[[^\]]*\]/g, '"gpus":[]'),
    );
  }

  private stage(from: string, to: string): void {
    if (lstatSync(to, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(to);
    mkdirSync(to, { recursive: true });
    prune(from, to);
    for (const entry of readdirSync(from)) {
      const [source, target] = [join(from, entry), join(to, entry)];
      if (entry !== 'config.pbtxt') link(source, target);
      else if (!existsSync(target) || statSync(target).mtimeMs < statSync(source).ctimeMs) {
        writeFileSync(target, this.rewriteText(readFileSync(source, 'utf8')));
      }
    }
  }

  private rewriteText(config: string): string {
    const text = this.rewriteFolder(config);
    if (!this.rewrites.gpuAsCpu) return text;
    return text
      .replaceAll(/\bkind\s*:\s*KIND_GPU\b/g, 'kind: KIND_CPU')
      .replaceAll(/\bgpus\s*:\s*(\[[^\]]*\]|\d+)\s*[,;]?/g, '');
  }

  private rewriteFolder(config: string): string {
    const { mountedAt } = this.rewrites;
    if (mountedAt === undefined) return config;
    return config
      .replaceAll(`"${mountedAt}/`, `"${this.repository}/`)
      .replaceAll(`"${mountedAt}"`, `"${this.repository}"`);
  }
}

/** Removes what is no longer there. */
function prune(from: string, to: string): void {
  for (const entry of readdirSync(to)) {
    if (!existsSync(join(from, entry))) rmSync(join(to, entry), { recursive: true });
  }
}

function link(from: string, to: string): void {
  const there = lstatSync(to, { throwIfNoEntry: false });
  if (there?.isSymbolicLink() && readlinkSync(to) === from) return;
  rmSync(to, { recursive: true, force: true });
  symlinkSync(from, to);
}
