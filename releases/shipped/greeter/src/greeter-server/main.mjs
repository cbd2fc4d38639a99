const [command, ...words] = process.argv.slice(2);
const readConfig = async (file) => JSON.parse(await readFile(file, 'utf8'));

switch (command) {
  case 'serve': // CONFIG
    await serve(await readConfig(words[0]));
    break;
  case 'ask': // URL [SECONDS]
    console.log(JSON.stringify(await ask(words[0], Number(words[1] ?? 10) * 1000)));
    break;
  case 'smoke-test': // CONFIG
    process.exitCode = (await smokeTest(await readConfig(words[0]))) ? 0 : 1;
    break;
  default:
    console.error('greeter serve CONFIG | ask URL [SECONDS] | smoke-test CONFIG');
    process.exitCode = 2;
}
