import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { packArchive, textEntry } from '../../../common/archive-pack.ts';
import { packStemcell } from '../../../stemcells/pack-stemcell.ts';
import { readStemcell } from '../../../stemcells/read-stemcell.ts';
import { repackStemcell } from '../../../stemcells/repack-stemcell.ts';
import { isLight } from '../../../stemcells/stemcell-manifest.ts';
import { newestOfLine, parseStemcellRef, sameStemcellLine } from '../../../stemcells/stemcell-version.ts';
import { bytesOf } from '../../support/release-archive.ts';

const read = (source: Readable) =>
  readStemcell(source, { what: 'stemcell.tgz', takeImage: async (bytes) => (await bytesOf(bytes)).toString() });

const jammy = {
  name: 'bosh-vsphere-esxi-ubuntu-jammy-go_agent',
  version: '1.200',
  operatingSystem: 'ubuntu-jammy',
  formats: ['vsphere-ova'],
  cloudProperties: { disk: 5120, infrastructure: 'vsphere' },
  image: Buffer.from('ova'),
  packages: 'bash\ncurl\n',
};

const withManifest = (text: string, image: string | null = '') =>
  packArchive([...(image === null ? [] : [textEntry('image', image)]), textEntry('./stemcell.MF', text)]);

describe('reading', () => {
  test('manifest, image and lists of a full stemcell', async () => {
    const { manifest, image, imageBytes, lists } = await read(packStemcell(jammy));
    expect(manifest).toMatchObject({
      name: jammy.name,
      version: '1.200',
      operatingSystem: 'ubuntu-jammy',
      apiVersion: 3,
      formats: ['vsphere-ova'],
      cloudProperties: { disk: 5120 },
    });
    expect([image, imageBytes, isLight(manifest, imageBytes)]).toEqual(['ova', 3, false]);
    expect(lists.get('packages.txt')).toBe('bash\ncurl\n');
  });

  test('a light one, its manifest behind the image, its version unquoted', async () => {
    const text =
      'name: light-jammy\nversion: 1.10\nsha1: da39a3ee5e6b4b0d3255bfef95601890afd80709\ncloud_properties: {ami: {us: ami-1}}\n';
    const { manifest, imageBytes } = await read(withManifest(text));
    expect(manifest).toMatchObject({ version: '1.10', operatingSystem: 'light-jammy', apiVersion: 1, formats: null });
    expect(isLight(manifest, imageBytes)).toBe(true);
  });

  test('an image that nobody wants is passed over', async () => {
    const stemcell = packStemcell({ ...jammy, image: Buffer.alloc(3_000_000, 'x') });
    const { image, lists } = await readStemcell(stemcell, { what: 's', takeImage: (_, size) => Promise.resolve(size) });
    expect(image).toBe(3_000_000);
    expect(lists.size).toBe(1);
  });

  test('all faults of a manifest at once', async () => {
    const text = 'version: "1+dev.1"\nsha1: nonsense\napi_version: two\nstemcell_formats: ova\ncloud_properties: []\n';
    await expect(read(withManifest(text))).rejects.toMatchObject({
      code: 'stemcell-invalid',
      faults: ['name', 'version', 'sha1', 'api_version', 'stemcell_formats', 'cloud_properties'].map((path) => ({
        path,
      })),
    });
  });

  test('with more entries than any stemcell has', async () => {
    const many = Array.from({ length: 10_001 }, (_, i) => textEntry(`${i}`, ''));
    await expect(read(packArchive(many))).rejects.toMatchObject({ code: 'archive-too-many-entries' });
  });

  test('without an image, without a manifest, without sense', async () => {
    const text = 'name: a\nversion: "1"\nsha1: da39a3ee5e6b4b0d3255bfef95601890afd80709\n';
    await expect(read(withManifest(text, null))).rejects.toMatchObject({
      code: 'stemcell-image-missing',
      details: { boshCode: 50001 },
    });
    await expect(read(packArchive([textEntry('image', '')]))).rejects.toMatchObject({
      code: 'stemcell-manifest-missing',
    });
    await expect(read(withManifest('a: ]'))).rejects.toMatchObject({ code: 'stemcell-invalid' });
    await expect(read(Readable.from([Buffer.from('no tar')]))).rejects.toMatchObject({ code: 'archive-cut-short' });
  });
});

describe('repacking', () => {
  test('changes what was asked for and keeps the rest', async () => {
    const repacked = repackStemcell(
      packStemcell(jammy),
      { name: 'mine', version: '7', cloudProperties: { disk: 1 }, formats: ['x'] },
      's',
    );
    const { manifest, image, lists } = await read(repacked);
    expect(manifest).toMatchObject({
      name: 'mine',
      version: '7',
      operatingSystem: 'ubuntu-jammy',
      formats: ['x'],
      cloudProperties: { disk: 1, infrastructure: 'vsphere' },
    });
    expect([image, lists.get('packages.txt')]).toEqual(['ova', 'bash\ncurl\n']);
  });

  test('can empty the image', async () => {
    expect((await read(repackStemcell(packStemcell(jammy), { emptyImage: true }, 's'))).imageBytes).toBe(0);
  });

  test('fails by its stream', async () => {
    await expect(bytesOf(repackStemcell(packArchive([textEntry('image', '')]), {}, 's'))).rejects.toMatchObject({
      code: 'stemcell-manifest-missing',
    });
  });
});

describe('versions', () => {
  test('packages move along one line of stemcells', () => {
    expect(sameStemcellLine('1.200', '1.9')).toBe(true);
    expect(sameStemcellLine('1_200', '1')).toBe(true);
    expect(sameStemcellLine('1.200', '2.200')).toBe(false);
    expect(sameStemcellLine('', '')).toBe(false);
    expect(newestOfLine((version) => version, ['1.9', '2.30', '1.20', '1', '1.20.1'], '1.1')).toBe('1.20');
    expect(newestOfLine((version) => version, ['2.30'], '1.1')).toBeUndefined();
  });

  test('OS/VERSION', () => {
    expect(parseStemcellRef('ubuntu-jammy/1.2')).toEqual({ operatingSystem: 'ubuntu-jammy', version: '1.2' });
    for (const text of ['ubuntu', 'a/b/c', '/1', 'a/']) expect(parseStemcellRef(text)).toBeUndefined();
  });
});
