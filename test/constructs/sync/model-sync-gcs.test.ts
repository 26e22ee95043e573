import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelSource } from '../../../constructs/model-source';
import { FaultProxy } from '../../support/fault-proxy';
import { GcsServer, gcsEnvironment } from '../../support/gcs-server';
import { ModelVolume } from '../../support/model-volume';
import { Published } from '../../support/published';

const resnet = { 'resnet/config.pbtxt': 'backend: "python"', 'resnet/1/model.py': 'weights' };

/** Against a GCS server that is not Google's: without identities, so that nothing here says that those work. */
describe('the sync from GCS', () => {
  let server: GcsServer;
  let proxy: FaultProxy;
  let published: Published;
  let volume: ModelVolume;

  beforeAll(async () => {
    server = await GcsServer.start();
    proxy = await FaultProxy.start(server.endpoint);
    await server.linkTo(proxy.endpoint);
    const uri = 'gs://models/resnet';
    published = new Published(uri, { keys: gcsEnvironment(proxy.endpoint) });
    volume = new ModelVolume(ModelSource.gcs({ uri }), gcsEnvironment(proxy.endpoint));
    await server.createBucket('models');
  });
  afterAll(async () => {
    volume?.remove();
    await proxy?.stop();
    await server?.stop();
  });

  it('says where nothing is published', async () => {
    expect(await volume.sync()).toMatchObject({
      code: 10,
      said: expect.stringContaining('nothing is published at gs://'),
    });
  });

  it('puts a release in place, and asks twice whether it is still the one', async () => {
    await published.publish({ ...resnet, 'resnet/2/model.py': 'two' }, { version: '1.0' });
    expect(await volume.sync()).toMatchObject({ code: 0, said: expect.stringContaining('release 1.0 is in place') });
    expect(volume.served('resnet/2/model.py')).toBe('two');
    proxy.reset();
    expect((await volume.sync()).code).toBe(0);
    // The object's metadata, and the object: the API has no other way for a name.
    expect(proxy.requests).toHaveLength(2);
  });

  it('refuses to publish a version again', async () => {
    await expect(published.publish(resnet, { version: '1.0' })).rejects.toThrow(/is published .* already/);
  });

  it('leaves what is served where bytes are broken on the way', async () => {
    await published.publish({ ...resnet, 'resnet/1/model.py': 'newer' }, { version: '2.0' });
    const broken = ({ path }: { path: string }) => path.includes('model.py') && /alt=media|^\/download/.test(path);
    proxy.fault = (request) => (broken(request) ? { kind: 'corrupt', at: 1 } : undefined);
    expect(await volume.sync()).toMatchObject({ code: 12, said: expect.stringContaining('the manifest says') });
    expect([volume.release(), volume.served('resnet/1/model.py')]).toEqual(['1.0', 'weights']);
    proxy.fault = undefined;
    expect((await volume.sync()).code).toBe(0);
    expect([volume.release(), volume.served('resnet/1/model.py')]).toEqual(['2.0', 'newer']);
  });

  it('has no answer where the store has none', async () => {
    proxy.fault = () => ({ kind: 'status', status: 403, code: 'forbidden' });
    expect((await volume.sync()).code).toBe(13);
    proxy.fault = undefined;
  });
});
