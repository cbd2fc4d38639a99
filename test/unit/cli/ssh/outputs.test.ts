import { expect, test } from 'vitest';
import { CollectedOutputs, PrefixedOutputs } from '../../../../cli/ssh/outputs.ts';
import { TextUi } from '../../../../cli/ui/text-ui.ts';
import { givenStreams } from '../../../support/cli-ui.ts';

const given = () => {
  const streams = givenStreams();
  const options = { json: false, terminal: false, color: false, interactive: false, columns: [] };
  return { streams, ui: new TextUi(options, streams) };
};

test('each line says where it is from; one that goes on is not begun anew', () => {
  const { streams, ui } = given();
  const outputs = new PrefixedOutputs(ui);
  const [web, db] = [outputs.of('web/1'), outputs.of('db/2')];
  web.stdout('one\ntw');
  web.stdout('o\n');
  db.stderr('three\n\n');
  web.stdout('');
  expect(streams.text()).toBe('web/1: stdout | one\nweb/1: stdout | two\ndb/2: stderr | three\ndb/2: stderr | \n');
});

test('collected, they are a row for each instance', () => {
  const { streams, ui } = given();
  const outputs = new CollectedOutputs(ui);
  const [web, db] = [outputs.of('web/1'), outputs.of('db/2')];
  web.stdout('out\r\n');
  web.end(3, 'exit status 3');
  db.stderr('bad');
  db.end(0);
  outputs.flush();
  expect(
    streams
      .text()
      .split('\n')
      .map((line) => line.trim()),
  ).toEqual(['db/2', '-', 'bad', '0', '-', '', 'web/1', 'out', '', '-', '3', 'exit status 3', '']);
});
