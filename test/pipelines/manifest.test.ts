import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestFiles, readRepositoryFolder } from '../../bin/release/repository-folder';
import { formatManifest, parseManifest } from '../../models/release-manifest';
import { ROOT } from '../support/environment-file';
import { GcsServer, gcsEnvironment } from '../support/gcs-server';
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
/** Does one thing to a store as a step does, and says what came of it as JSON, or why not. */
const STORE = `
import json, sys
from pathlib import Path
from steps.publish import current, promote, publish
from steps.rollout import begin, put_back, record_of
from steps.say import StepFailed
from steps.store import Store
given = json.loads(sys.stdin.read())
store = Store(given["uri"], given)
def download(folder):
    store.download(Path(folder))
    return [path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()]
does = {
    "publish": lambda: promote(store, publish(store, Path(given["folder"]), given["release"])),
    "current": lambda: current(store)[0],
    "begin": lambda: begin(store, given["run"], given["release"]),
    "put_back": lambda: put_back(store, {"servers": []}, record_of(store)),
    "record": lambda: record_of(store),
    "read": lambda: store.read(given["key"]),
    "write_once": lambda: store.write_once(given["key"], given["text"]),
    "remove": lambda: store.remove(given["key"]),
    "sizes": lambda: store.sizes(given["key"]),
    "download": lambda: download(given["folder"]),
}
try:
    print(json.dumps(does[given["does"]]()))
except StepFailed as error:
    print(error)
    sys.exit(1)
`;

function python(script: string, given: object, env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(pipelineTool('python'), ['-B', '-c', script], {
    cwd: join(ROOT, 'pipelines'),
    input: JSON.stringify(given),
    encoding: 'utf8',
    timeout: 240_000,
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

/** A store, and the environment in which tools find it and what opens it. */
interface Started {
  readonly endpoint?: string;
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const STORES: Readonly<Record<string, () => Promise<Started>>> = {
  s3: async () => {
    const server = await S3Server.start();
    return { endpoint: server.endpoint, environment: server.keys, stop: () => server.stop() };
  },
  // Without identities, so that nothing here says that those work.
  gs: async () => {
    const server = await GcsServer.start();
    await server.createBucket('models');
    return { environment: gcsEnvironment(server.endpoint), stop: () => server.stop() };
  },
};

describe.each(Object.entries(STORES))('what the pipeline publishes to %s://', (scheme, start) => {
  let server: Started;
  let published: Published;
  const uri = `${scheme}://models/pipeline`;
  const folders: string[] = [];
  const newFolder = (files: Readonly<Record<string, string>>) => {
    const folder = folderOf(files);
    folders.push(folder);
    return folder;
  };
  beforeAll(async () => {
    server = await start();
    const { endpoint, environment } = server;
    published = new Published(uri, { keys: environment, ...(endpoint !== undefined && { endpoint }) });
  });
  afterAll(async () => {
    await server?.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  const does = (what: string, given: object = {}) => {
    const where = { uri, endpoint: server.endpoint, region: 'us-east-1' };
    return python(STORE, { does: what, ...where, ...given }, server.environment);
  };
  const publish = (release: string, files: Readonly<Record<string, string>>) =>
    does('publish', { release, folder: newFolder(files) });
  const told = (what: string, given?: object) => {
    const { status, said, errors } = does(what, given);
    expect({ status, errors }, said).toMatchObject({ status: 0 });
    return JSON.parse(said.trimEnd().split('\n').at(-1) ?? '');
  };

  it('is a release to everyone else', async () => {
    expect(publish('1.0', FILES)).toMatchObject({ status: 0 });
    const release = await published.store.release('1.0');
    expect(release?.files.map(({ path }) => path).sort()).toEqual(Object.keys(FILES).sort());
    expect(await published.store.current()).toEqual(release);
    expect([...(await published.store.sizes('1.0')).keys()].sort()).toEqual(Object.keys(FILES).sort());
  });

  it('is fetched whole', () => {
    const folder = newFolder({});
    const release = { uri: `${uri}/releases/1.0`, folder };
    expect(told('download', release).sort()).toEqual([...Object.keys(FILES), 'manifest'].sort());
    for (const [path, content] of Object.entries(FILES)) {
      expect(readFileSync(join(folder, path), 'utf8')).toBe(content);
    }
  });

  it('is nothing where nobody has published', () => {
    const other = { uri: `${scheme}://models/other` };
    expect(told('record', other)).toBeNull();
    expect(told('sizes', { ...other, key: 'releases/1.0' })).toEqual({});
    told('remove', { ...other, key: 'rollout' });
    const { status, said } = does('download', { ...other, folder: newFolder({}) });
    expect({ status, said }).toEqual({ status: 1, said: expect.stringContaining(`there is nothing at ${other.uri}`) });
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

  it('keeps the first of two writes of what is written once', () => {
    expect(told('write_once', { key: 'once', text: 'first' })).toBe('first');
    expect(told('write_once', { key: 'once', text: 'second' })).toBe('first');
    expect(told('read', { key: 'once' })).toBe('first');
  });

  it('is rolled back to the release before it, by the run that rolls it out alone', async () => {
    const record = { run: 'a', release: '3.0', previous: '1.0' };
    expect(told('begin', { run: 'a', release: '3.0' })).toEqual(record);
    expect(publish('3.0', { ...FILES, 'model/1/model.py': 'three' })).toMatchObject({ status: 0 });
    expect(told('current')).toBe('3.0');
    const { status, said } = does('begin', { run: 'b', release: '4.0' });
    expect({ status, said }).toEqual({ status: 1, said: expect.stringContaining('run a is rolling out release 3.0') });
    // A second try of the same run knows what was served before the first.
    expect(told('begin', { run: 'a', release: '3.0' })).toEqual(record);
    told('put_back');
    expect((await published.store.current())?.version).toBe('1.0');
    expect(told('record')).toBeNull();
  });
});
