import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestFiles, readRepositoryFolder } from '../../bin/release/repository-folder';
import { formatManifest, parseManifest } from '../../models/release-manifest';
import { ROOT } from '../support/environment-file';
import { Published } from '../support/published';
import { pipelineTool, pythonTool } from '../support/python-tools';
import { S3Server } from '../support/s3-server';

/** Names that sort otherwise by UTF-8 than by UTF-16, and folders without files. */
const FILES: Readonly<Record<string, string>> = {
  'model/config.pbtxt': 'backend: "python"',
  'model/1/model.py': 'x',
  'model/1/a b.bin': 'spaces',
  'model/1/ä.bin': 'umlaut',
  'model/1/\uFF21.bin': 'wide',
  'model/1/\u{1F600}.bin': 'beyond the basic plane',
  'model-b/1/model.py': 'y',
};

const PYTHON = `
import json, sys
from pathlib import Path
from steps.manifest import format_manifest, parse_manifest, release_of
given = json.loads(sys.stdin.read())
if "folder" in given:
    print(format_manifest(release_of(Path(given["folder"]), "1.0")), end="")
else:
    print(json.dumps([parse_manifest(text) is not None and format_manifest(parse_manifest(text)) for text in given["texts"]]))
`;
const PUBLISH = `
import json, sys
from pathlib import Path
from steps.publish import current, promote, publish
from steps.say import StepFailed
from steps.store import Store
given = json.loads(sys.stdin.read())
store = Store(given["uri"], given)
try:
    manifest = publish(store, Path(given["folder"]), given["release"])
    promote(store, manifest)
except StepFailed as error:
    print(error)
    sys.exit(1)
`;

function python(script: string, given: object, env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(pipelineTool('python'), ['-B', '-c', script], {
    cwd: join(ROOT, 'pipelines'),
    input: JSON.stringify(given),
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, PATH: `${dirname(pythonTool('rclone'))}:${process.env.PATH}`, ...env },
  });
  return { status, said: stdout, errors: stderr };
}

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'triton-stack-test-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

describe("the pipeline's manifests", () => {
  const folder = folderOf(FILES);
  mkdirSync(join(folder, 'model-b', '2'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const written = async () => {
    const repository = readRepositoryFolder(folder);
    return formatManifest({
      version: '1.0',
      files: await digestFiles(repository, () => {}),
      folders: repository.folders,
    });
  };

  it('are byte for byte those of the publisher', async () => {
    const { said, errors } = python(PYTHON, { folder });
    expect(errors).toBe('');
    expect(said).toBe(await written());
  });

  it('are read as the publisher reads them, and what is no whole one is not', async () => {
    const text = await written();
    const broken = [
      text.slice(0, -30),
      text.replace('config', 'konfig'),
      text.replace('release 1', 'release 2'),
      '',
      'x',
    ];
    expect(broken.map((each) => parseManifest(each))).toEqual(broken.map(() => undefined));
    expect(JSON.parse(python(PYTHON, { texts: [text, ...broken] }).said)).toEqual([text, ...broken.map(() => false)]);
  });
});

describe('what the pipeline publishes', () => {
  let server: S3Server;
  let published: Published;
  const uri = 's3://models/pipeline';
  beforeAll(async () => {
    server = await S3Server.start();
    published = new Published(uri, server);
  });
  afterAll(() => server?.stop());
  const publish = (release: string, files: Readonly<Record<string, string>>) =>
    python(
      PUBLISH,
      { uri, release, folder: folderOf(files), endpoint: server.endpoint, region: 'us-east-1' },
      server.keys,
    );

  it('is a release to everyone else', async () => {
    expect(publish('1.0', FILES)).toMatchObject({ status: 0 });
    const release = await published.store.release('1.0');
    expect(release?.files.map(({ path }) => path).sort()).toEqual(Object.keys(FILES).sort());
    expect(await published.store.current()).toEqual(release);
    expect([...(await published.store.sizes('1.0')).keys()].sort()).toEqual(Object.keys(FILES).sort());
  });

  it('is taken up where the same is published again, and refused where it is other', async () => {
    expect(publish('1.0', FILES).said).toContain('release 1.0 is published already, with this very content');
    const { status, said } = publish('1.0', { ...FILES, 'model/1/model.py': 'z' });
    expect({ status, said }).toEqual({ status: 1, said: expect.stringContaining('with other content') });
  });

  it('leaves alone what somebody else has begun', async () => {
    await published.store.reserve('2.0', 'f'.repeat(64));
    expect(publish('2.0', FILES).said).toMatch(/release 2.0 is being published with other content, from \S+ since 20/);
    expect(await published.store.release('2.0')).toBeUndefined();
  });

  it('is refused under a name that is none', () => {
    expect(publish('.hidden', FILES).said).toContain('is no name for a release');
  });
});
