/** Asks each instance who it is. True: all were there and all were themselves. */
async function smokeTest({ instances, timeout_seconds: timeoutS }) {
  const results = await Promise.allSettled(
    instances.map(async ({ name, id, url }) => {
      const answer = await ask(url, timeoutS * 1000);
      if (answer.id !== id) throw new Error(`${url} says that it is ${answer.name}/${answer.id}, not ${name}/${id}`);
      return `ok      ${name}/${id}: "${answer.greeting}"`;
    }),
  );
  results.forEach((result, at) => {
    const { name, id } = instances[at];
    console.log(result.status === 'fulfilled' ? result.value : `MISSING ${name}/${id}: ${result.reason.message}`);
  });
  const present = results.filter(({ status }) => status === 'fulfilled').length;
  console.log(`${present} of ${instances.length} answered`);
  return instances.length > 0 && present === instances.length;
}
