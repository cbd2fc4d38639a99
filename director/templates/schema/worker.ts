import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../../common/errors.ts';
import { propertiesSchema } from './properties-schema.ts';
import { ready, type CheckAnswer, type CheckRequest } from './protocol.ts';

// The thread of SchemaChecks. The groups of a deploy have many jobs in common, so that compiled schemas are kept.
const keptMax = 100;
const kept = new Map<string, ReturnType<typeof propertiesSchema>>();

parentPort?.on('message', ({ schema, properties }: CheckRequest) => {
  parentPort?.postMessage(answer(schema, properties));
});
parentPort?.postMessage(ready);

function answer(text: string, properties: string): CheckAnswer {
  let check = kept.get(text);
  if (check === undefined) {
    try {
      check = propertiesSchema(text);
    } catch (thrown) {
      return { unusable: messageOf(thrown) };
    }
    if (kept.size >= keptMax) kept.clear();
    kept.set(text, check);
  }
  return { faults: check(JSON.parse(properties)) };
}
