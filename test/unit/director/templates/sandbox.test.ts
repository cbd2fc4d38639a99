import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../common/clock.ts';
import { silentLog, type Log } from '../../../../common/log.ts';
import type {
  DnsTables,
  JobTemplates,
  RenderOutcome,
  TemplateRenderer,
  TemplateSpec,
} from '../../../../director/templates/renderer.ts';
import { rubyCacheDir } from '../../../support/ruby-cache.ts';
import { sandboxRenderer, type SandboxOptions } from '../../../../director/templates/sandbox/sandbox.ts';

const MIB = 1024 * 1024;
/** Two seconds of processor time, which a busy machine may take a minute to give. */
const BOOT_MS_MAX = 120_000;
let renderer: TemplateRenderer;
const started: string[] = [];

beforeAll(async () => {
  renderer = givenRenderer();
  await renderer.render(job({ t: 'x' }), [instance()]); // Ruby boots here, if it has to
}, BOOT_MS_MAX);
afterAll(() => renderer.close());

function givenRenderer(options: Partial<SandboxOptions> = {}): TemplateRenderer {
  const log: Log = { ...silentLog, info: (event, fields) => started.push(`${event} ${String(fields?.['from'])}`) };
  const limits = { lanesMax: 1, pendingMax: 100, idleMs: 60_000, renderMsMax: 20_000, memoryMibMax: 512 };
  return sandboxRenderer(
    { ...limits, outputBytesMax: MIB, cacheDir: rubyCacheDir, ...options },
    { clock: systemClock, log },
  );
}

const job = (templates: Record<string, string | Buffer>, monit = ''): JobTemplates => ({
  name: 'web',
  monit,
  templates: Object.entries(templates).map(([source, text]) => ({ source, destination: `config/${source}`, text })),
});

const instance = (fields: Partial<TemplateSpec> = {}) => ({
  spec: { name: 'web', index: 3, id: 'some-id', properties: {}, links: {}, ...fields },
});

function contents(outcome: RenderOutcome | undefined): string[] {
  if (outcome?.ok !== true) throw new Error(JSON.stringify(outcome));
  return outcome.job.files.slice(0, -1).map(({ content }) => content.toString());
}

/** Renders each line of Ruby as a template of its own, and gives what came of it. */
async function evaluate(lines: readonly string[], spec: Partial<TemplateSpec>, dns?: DnsTables): Promise<string[]> {
  const templates = Object.fromEntries(lines.map((line, n) => [String(n).padStart(3, '0'), `<% ${line} %>`]));
  const [outcome] = await renderer.render(job(templates), [instance(spec)], dns);
  return contents(outcome);
}

describe('what a template can say', () => {
  const properties = { port: 80, off: false, none: null, tls: { ca: 'CA', list: [1, 2] } };
  const emit = (expression: string) => `_erbout << (${expression}).to_s`;

  const expected: Array<[expression: string, text: string]> = [
    ['p("port")', '80'],
    ['p("tls.ca")', 'CA'],
    ['p("off")', 'false'],
    ['p("none", 7)', '7'],
    ['p(["none", "missing", "tls.ca"])', 'CA'],
    ['p("missing", nil).inspect', 'nil'],
    ['if_p("port", "tls.ca") { |port, ca| _erbout << "#{port}#{ca}" }; ""', '80CA'],
    ['if_p("port", "missing") { _erbout << "yes" }.else { _erbout << "no" }; ""', 'no'],
    ['if_p("x") { }.else_if_p("off") { |v| _erbout << "off is #{v}" }.else { _erbout << "no" }; ""', 'off is false'],
    ['if_p("port") { _erbout << "a" }.else_if_p("off") { _erbout << "b" }.else { _erbout << "c" }; ""', 'a'],
    ['if_p("x") { }.else_if_link("db") { |l| _erbout << l.p("adapter") }; ""', 'pg'],
    ['link("db").instances.map(&:address).join(",")', '10.0.0.1,10.0.0.2'],
    ['link("db").instances[1].p("size")', '2'],
    ['link("db").instances[1].if_p("x") { }.else { _erbout << "no x" }; ""', 'no x'],
    [
      'link("db").instances.map { |i| [i.name, i.index, i.id, i.az, i.bootstrap].inspect }.first',
      '["db", 0, "i0", "z1", true]',
    ],
    ['link("db").p("x.y", "z")', 'z'],
    ['link("db").if_p("adapter") { |a| _erbout << a }.else_if_p("x") { }; ""', 'pg'],
    ['link("manual").address', 'db.example.com'],
    ['if_link("blocked") { _erbout << "yes" }.else { _erbout << "no" }; ""', 'no'],
    ['if_link("blocked") { }.else_if_link("db") { |l| _erbout << l.properties["adapter"] }; ""', 'pg'],
    ['spec.id + spec.networks.default.ip', 'some-id10.0.0.7'],
    ['spec.networks.methods(false).inspect', '[:default]'],
    ['"#{name}/#{index} #{spec.index} #{spec.properties.port}"', 'web/3 3 80'],
    ['properties.tls.ca + properties.missing.inspect', 'CAnil'],
    ['raw_properties["tls"]["list"].inspect', '[1, 2]'],
    ['["", " ", nil, [], 0, "x"].map { |v| v.blank? }.inspect', '[true, true, true, true, false, false]'],
    ['"x".presence + {}.presence.inspect', 'xnil'],
    ['{ "a" => { "b" => 1 } }.recursive_merge("a" => { "c" => 2 }).to_json', '{"a":{"b":1,"c":2}}'],
    ['[JSON, YAML, Digest::SHA256, OpenSSL::HMAC, Base64, Set, URI, IPAddr, Shellwords, ERB::Util].size', '10'],
    ['IPAddr.new("10.0.0.0/8").include?("10.1.2.3")', 'true'],
    ['{ "b" => [1, nil] }.to_yaml.inspect', '"---\\nb:\\n- 1\\n-\\n"'],
    ['Bosh::Template::UnknownProperty == Bosh::Common::Template::UnknownProperty', 'true'],
  ];

  test('properties, links, spec and what a director has loaded', async () => {
    const link = {
      properties: { adapter: 'pg' },
      instances: [1, 2].map((n) => ({
        name: 'db',
        index: n - 1,
        id: `i${n - 1}`,
        az: `z${n}`,
        bootstrap: n === 1,
        address: `10.0.0.${n}`,
        properties: { size: n },
      })),
    };
    const links = { db: link, manual: { ...link, address: 'db.example.com' }, blocked: {} };
    const spec = { properties, links, networks: { default: { ip: '10.0.0.7' } } };
    const made = await evaluate(
      expected.map(([expression]) => emit(expression)),
      spec,
    );
    expect(expected.map(([expression], n) => [expression, made[n]])).toEqual(expected);
  });

  // Fields get their methods late (open-structs.rb), so these are what Ruby's own OpenStruct answers.
  test.each([
    [
      '[f.port, f.missing, f["port"], f.dig(:port), f.public_send(:port), f.instance_eval { port }]',
      '[1, nil, 1, 1, 1, 1]',
    ],
    ['[f.hash, f.test, f.format, f["a b"]]', '[2, 3, 4, 5]'],
    [
      '[:port, :port=, :missing, :missing=, :puts].map { |name| f.respond_to?(name) }',
      '[true, true, false, false, false]',
    ],
    ['f.singleton_methods.length + f.methods(false).length', '20'],
    ['(f.methods - Object.instance_methods).include?(:port=)', 'true'],
    ['[f.method(:port).call, f.method(:port).arity]', '[1, 0]'],
    ['(f.port = 7; f.fresh = 8; [f.port, f.fresh, f.respond_to?(:fresh)])', '[7, 8, true]'],
    [
      '[(f.port(1) rescue $!.class), (f.missing(1) rescue $!.class), f.port?, (f.port! rescue 0)]',
      '[ArgumentError, NoMethodError, nil, nil]',
    ],
    ['(c = f.clone; c.port = 6; [f.port, c.port, f.dup.port])', '[1, 6, 1]'],
    ['(f.delete_field(:port); [f.port, f.respond_to?(:port)])', '[nil, false]'],
    [
      '[(f.freeze.instance_eval { self.port = 6 } rescue $!.class), f.port, f.singleton_methods.length]',
      '[FrozenError, 1, 10]',
    ],
    ['(f.define_singleton_method(:port) { "own" }; f.port)', '"own"'],
    ['Marshal.load(Marshal.dump(f)) == f', 'true'],
    ['f', '#<OpenStruct port=1, hash=2, test=3, format=4, a b=5>'],
  ])('OpenStruct: %s', async (expression, told) => {
    const fields = '{ "port" => 1, "hash" => 2, "test" => 3, "format" => 4, "a b" => 5 }';
    const line = `f = OpenStruct.new(${fields}); _erbout << (${expression}).inspect`;
    expect(await evaluate([line], {})).toEqual([told]);
  });

  // What a template is depends on whether it can be read once for all instances (source.rb): nobody should see which it is.
  test.each([
    ['no Ruby', 'a % b %> c', ['a % b %> c', 'a % b %> c']],
    ['variables of its own', '<% seen = (defined?(seen) ? seen : 0).to_i + index %><%= seen %>', ['0', '1']],
    [
      'constants and text',
      '<% LIMIT = 7 + index %><% text = <<~TEXT\n  a\nTEXT\n%><%= LIMIT %> <%= text %>',
      ['7 a\n', '8 a\n'],
    ],
    ['a method', '<% def twice(n) = n * 2 %><%= twice(index) %>', ['0', '2']],
    ['a class', '<% Pair = Struct.new(:a) do def b = a + 1 end %><%= Pair.new(index).b %>', ['1', '2']],
    ['a lambda that returns', '<%= ->(n) { return n + 1 }.call(index) %>', ['1', '2']],
    ['a loop that skips', '<% 3.times do |n| next if n == index %><%= n %><% end %>', ['12', '02']],
    ['its binding', '<% here = index %><%= binding.local_variable_get(:here) %>', ['0', '1']],
    ['a return', 'a<% return %>', 'unexpected return'],
    ['a break', 'a<% break %>', 'Invalid break'],
    ['a word for a parameter', '<%= it %>', "undefined local variable or method 'it'"],
    ['what is wrong on its third line', '\n\n<%= nil.foo %>', "undefined method 'foo' for nil"],
    ['half a block', '<% if true %>', 'web/t0'],
    ['the end of a block that it has not begun', 'a<% end; def x; _erbout = "" %>c', 'web/t0'],
    ['the end of a bracket', 'a<% }; @x = 1; proc { _erbout = "" %>c', 'web/t0'],
    ['what an earlier match left', '<% "secret" =~ /(s.*)/ if index == 0 %><%= $1.inspect %>', ['"secret"', 'nil']],
    [
      'the last match',
      '<% "ab".match(/b/) if index == 0 %><%= Regexp.last_match.inspect %>',
      ['#<MatchData "b">', 'nil'],
    ],
    ['an expression that is made once', '<%= "1" =~ /#{index + 1}/o %>', ['0', '']],
    [
      'a range of conditions',
      '<%= 3.times.map { |n| true if (n == 1 && index == 0)..(n == 9) }.inspect %>',
      ['[nil, true, true]', '[nil, nil, nil]'],
    ],
    [
      'constants of its own place',
      '<%= defined?(JobServer).inspect %><%= defined?(UnknownProperty) %>',
      ['nilconstant', 'nilconstant'],
    ],
  ])('a template with %s', async (_, text, told) => {
    const outcomes = await renderer.render(job({ t0: text }), [instance({ index: 0 }), instance({ index: 1 })]);
    const seen = outcomes.map((outcome) => (outcome.ok ? contents(outcome)[0] : outcome.faults[0]?.message));
    if (typeof told === 'string') expect(seen).toEqual([expect.stringContaining(told), expect.stringContaining(told)]);
    else expect(seen).toEqual(told);
  });

  test('the trim mode is "-", and only that', async () => {
    const template = 'a\n<% if true -%>\n  b\n  <%- end -%>\nc\n% d\n<% x = 1 %>\n<%= x -%>\n\n';
    const [outcome] = await renderer.render(job({ t: template }), [instance()]);
    expect(contents(outcome)).toEqual(['a\n  b\nc\n% d\n\n1\n']);
  });

  test('link.address is a DNS query, of the numbers that the director has given out', async () => {
    const link = {
      instances: [],
      properties: {},
      instance_group: 'My_DB',
      group_name: 'db-conn',
      deployment_name: 'cf',
      default_network: 'net_1',
      domain: 'bosh',
    };
    const links = { long: link, short: { ...link, use_short_dns_addresses: true, use_link_dns_names: true } };
    const dns: DnsTables = { azs: { z1: 1, z2: 2 }, networks: { net_1: 4 }, groups: [['link', 'db-conn', 'cf', 7]] };
    const lines = [
      'link("long").address',
      'link("long").address(azs: ["z2", "z1"], status: "healthy", initial_health_check: "synchronous")',
      'link("short").address(azs: ["z1"])',
      '(link("short").address(azs: ["z9"]) rescue $!.message)',
    ];
    expect(await evaluate(lines.map(emit), { links }, dns)).toEqual([
      'q-s0.my-db.net-1.cf.bosh',
      'q-a1a2s3y1.my-db.net-1.cf.bosh',
      'q-a1n4s0.q-g7.bosh',
      "Unknown AZ: 'z9'",
    ]);
  });
});

describe('what comes back', () => {
  test('files at their destinations, the monit file, and the links of the job for bosh-dns', async () => {
    const provides = [
      { name: 'b', type: 't', group: '7' },
      { name: 'a', type: 't', group: '12' },
    ];
    const [outcome] = await renderer.render(job({ 'x.erb': 'X' }, 'check <%= index %>'), [{ ...instance(), provides }]);
    if (outcome?.ok !== true) throw new Error('it renders');
    expect(outcome.job.monit.toString()).toBe('check 3');
    expect(outcome.job.files.map(({ destination }) => destination)).toEqual(['config/x.erb', '.bosh/links.json']);
    expect(outcome.job.files[1]?.content.toString()).toBe(
      '[\n  {\n    "name": "a",\n    "type": "t",\n    "group": "12"\n  },\n' +
        '  {\n    "name": "b",\n    "type": "t",\n    "group": "7"\n  }\n]\n',
    );
  });

  test('bytes that are no text, and text of all kinds, come through unchanged', async () => {
    const bytes = '<%= [255, 0, 10, 128].pack("C*") %>';
    const [outcome] = await renderer.render(job({ bytes, text: 'ä 😀 <%= p("x") %>' }), [
      instance({ properties: { x: '\u0000ü\u2028' } }),
    ]);
    if (outcome?.ok !== true) throw new Error('it renders');
    expect([...(outcome.job.files[0]?.content ?? [])]).toEqual([255, 0, 10, 128]);
    expect(outcome.job.files[1]?.content.toString()).toBe('ä 😀 \u0000ü\u2028');
  });

  test('as many instances as there are, in their order, whatever fits into one request', async () => {
    const instances = Array.from({ length: 150 }, (_, n) =>
      instance({ index: n, properties: { x: 'x'.repeat(5000) } }),
    );
    const outcomes = await renderer.render(job({ t: '<%= raise "odd" if index == 77 %><%= index %>' }), instances);
    expect(outcomes).toHaveLength(150);
    expect(outcomes.map((outcome) => (outcome.ok ? contents(outcome)[0] : 'fault'))).toEqual(
      instances.map((_, n) => (n === 77 ? 'fault' : String(n))),
    );
  });

  test('every fault of a job, with line and message', async () => {
    const templates = {
      good: 'fine',
      property: 'a\nb\n<%= p("db.host") %>',
      properties: '<%= p(["a", "b"]) %>',
      link: '<%= link("db") %>',
      raised: '\n<% raise " by hand\n" %>',
      typo: '<%= foo %>',
      syntax: '<%= 1 + %>',
      exit: '<% exit %>',
    };
    const [outcome] = await renderer.render(job(templates), [instance()]);
    if (outcome?.ok !== false) throw new Error('it fails');
    expect(outcome.faults.map(({ template, line, message }) => [template, line, message])).toEqual([
      ['property', 3, `Can't find property '["db.host"]'`],
      ['properties', 1, `Can't find property '["a", "b"]'`],
      ['link', 1, "Can't find link 'db'"],
      ['raised', 2, 'by hand'],
      ['typo', 1, expect.stringContaining("undefined local variable or method 'foo'")],
      ['syntax', null, expect.stringContaining('web/syntax:1')],
      ['exit', 1, 'exit'],
    ]);
  });

  test('a monit file that fails hides the templates of its job', async () => {
    const [outcome] = await renderer.render(job({ t: '<% raise "not seen" %>' }, '<% raise "seen" %>'), [instance()]);
    expect(outcome).toMatchObject({ ok: false, faults: [{ template: 'monit', line: 1, message: 'seen' }] });
    expect(outcome).toHaveProperty('faults.length', 1);
  });
});

describe('what one template does to others', () => {
  test('variables stay for those behind it, changed properties do not', async () => {
    const lines = [
      '@kept = "kept"; _erbout << "1"',
      '_erbout << @kept; raw_properties["list"] << 9',
      '_erbout << raw_properties["list"].inspect + @kept.inspect',
    ];
    expect(await evaluate(lines, { properties: { list: [1] } })).toEqual(['1', 'kept', '[1]nil']);
  });

  test.each([
    ['a name in place', 'name << "!"'],
    ['a property in place', 'p("a.b") << "!"'],
    ['a list of properties', 'properties.list << 9'],
    ['a field of properties', 'properties.a.b = "!"'],
    ['the spec', 'spec.networks.default.ip = "!"'],
    ['the spec in place', 'spec.networks.default.ip << "!"'],
    ['a map of properties', 'raw_properties["a"].delete("b")'],
  ])('whoever changes %s changes it for itself', async (_, change) => {
    const look = '_erbout << [name, p("a.b"), p("list"), properties.a.b, spec.networks.default.ip].inspect';
    const spec = { properties: { a: { b: 'B' }, list: [1] }, networks: { default: { ip: '10.0.0.7' } } };
    expect((await evaluate([change, look], spec))[1]).toBe('["web", "B", [1], "B", "10.0.0.7"]');
  });

  test('fields may have any name, also those of methods', async () => {
    const fields = { to_h: 'h', class: 'c', hash: 1, keys: 2, methods: 3, '==': 4 };
    const look = '_erbout << [properties.x.to_h, properties.x[:class], properties.x.keys, spec.x.to_h].inspect';
    const spec = { properties: { x: fields }, x: fields };
    expect(await evaluate([look, look], spec)).toEqual(['["h", "c", 2, "h"]', '["h", "c", 2, "h"]']);
  });

  test('spec and properties are what they were at the start, whenever they are asked for', async () => {
    const line =
      'raw_properties["a"].delete("b"); p("c") << "!"; _erbout << [properties.a.b, properties.c, spec.properties.a.b].inspect';
    expect(await evaluate([line], { properties: { a: { b: 'B' }, c: 'C' } })).toEqual(['["B", "C!", "B"]']);
  });

  test('a changed Ruby is gone with its job', async () => {
    const patch = job({ t: '<% ::String.class_eval { def shout = upcase }; $left = 1 %><%= "a".shout %>' });
    const look = job({ t: '<%= "a".respond_to?(:shout) %><%= $left.inspect %>' });
    expect(contents((await renderer.render(patch, [instance()]))[0])).toEqual(['A']);
    expect(contents((await renderer.render(look, [instance()]))[0])).toEqual(['falsenil']);
  });

  test('no two jobs draw the same random numbers', async () => {
    const draw = async () =>
      contents((await renderer.render(job({ t: '<%= rand %> <%= SecureRandom.hex %>' }), [instance()]))[0])[0];
    expect(await draw()).not.toBe(await draw());
  });
});

describe('the walls', () => {
  test('keep a template from JavaScript, files, programs and the network', async () => {
    const walls = {
      javascript: 'JS.eval("return process.env")',
      'javascript-by-its-library': 'require "js"; JS.eval("1")',
      files: 'File.read("/etc/passwd")',
      'new-files': 'File.write("/tmp/x", "x")',
      directories: 'Dir.children("/etc")',
      programs: 'system("true")',
      'programs-by-backtick': '`true`',
      'programs-by-pipe': 'IO.popen("true")',
      'programs-by-process': 'Process.spawn("true")',
      'programs-by-fork': 'fork { }',
      network: 'require "net/http"; Net::HTTP.get(URI("http://127.0.0.1/"))',
      sockets: 'require "socket"; TCPSocket.new("127.0.0.1", 80)',
    };
    const templates = Object.fromEntries(Object.entries(walls).map(([name, ruby]) => [name, `<% ${ruby} %>`]));
    const [outcome] = await renderer.render(job(templates), [instance()]);
    if (outcome?.ok !== false) throw new Error('all fail');
    expect(outcome.faults.map(({ code, template }) => [code, template])).toEqual(
      Object.keys(walls).map((name) => ['template-raised', name]),
    );
  });

  test('hold when a template tears down what hides them', async () => {
    const ruby = '$LOADED_FEATURES.reject! { |f| f =~ /js/ }; require "js"; JS.eval("return process.env")';
    const [outcome] = await renderer.render(job({ t: `<% ${ruby} %>` }), [instance()]);
    expect(outcome).toMatchObject({ ok: false, faults: [{ code: 'template-crashed' }] });
  });

  test('the environment is empty, and what a template prints goes nowhere', async () => {
    const lines = ['puts 1; print 2; STDOUT.puts 3; STDERR.write 4; warn 5; _erbout << ENV.to_h.inspect'];
    expect(await evaluate(lines, {})).toEqual(['{}']);
  });

  test('memory has an end, and the next template is served', async () => {
    const templates = { greedy: '<%= ("a" * (1 << 29)).size %>', modest: 'x' };
    const outcomes = await renderer.render(job(templates), [instance()]);
    const message: unknown = expect.stringContaining('512 MiB');
    expect(outcomes).toMatchObject([
      { ok: false, faults: [{ code: 'template-out-of-memory', template: 'greedy', message }] },
    ]);
    expect(contents((await renderer.render(job({ t: 'y' }), [instance()]))[0])).toEqual(['y']);
  });

  test('so has output', async () => {
    const [outcome] = await renderer.render(job({ half: '<%= "a" * 600_000 %>', more: '<%= "a" * 600_000 %>' }), [
      instance(),
    ]);
    expect(outcome).toMatchObject({ ok: false, faults: [{ code: 'template-output-too-large', template: 'more' }] });
  });

  test('so has time: the template is named, and whoever waits is served', async () => {
    const hasty = givenRenderer({ renderMsMax: 1_000 });
    const endless = hasty.render(job({ fine: 'x', endless: '<% loop { } %>' }), [instance(), instance()]);
    const next = hasty.render(job({ t: 'served' }), [instance()]);
    const fault = { code: 'template-timeout', template: 'endless', line: null, message: 'it ran longer than 1 s' };
    expect(await endless).toEqual([
      { ok: false, faults: [fault] },
      { ok: false, faults: [fault] },
    ]);
    expect(contents((await next)[0])).toEqual(['served']);
    await hasty.close();
  });

  test('a template that ends Ruby itself fails alone: what was rendered before it stays', async () => {
    const outcomes = await renderer.render(job({ t: '<% exit! if index == 1 %>ok' }), [
      instance({ index: 0 }),
      instance({ index: 1 }),
    ]);
    expect(contents(outcomes[0])).toEqual(['ok']);
    expect(outcomes[1]).toMatchObject({ ok: false, faults: [{ code: 'template-crashed', template: 't' }] });
  });
});

describe('starting and ending', () => {
  test('once Ruby has booted, the next director starts from its snapshot', async () => {
    expect(contents((await renderer.render(job({ t: 'x' }), [instance()]))[0])).toEqual(['x']);
    started.length = 0;
    const another = givenRenderer();
    expect(contents((await another.render(job({ t: 'x' }), [instance()]))[0])).toEqual(['x']);
    await another.close();
    expect(started).toEqual(['ruby-started snapshot']);
  });

  test.each(['while Ruby starts', 'while it renders'])('closing ends what runs and what waits, %s', async (when) => {
    const another = givenRenderer({ renderMsMax: 600_000 });
    if (when === 'while it renders') await another.render(job({ t: 'x' }), [instance()]);
    const running = another.render(job({ t: '<% loop { } %>' }), [instance()]);
    const waiting = another.render(job({ t: 'x' }), [instance()]);
    const ends = Promise.allSettled([running, waiting]);
    await new Promise(setImmediate);
    await another.close();
    expect(await ends).toMatchObject([
      { status: 'rejected', reason: { code: 'renderer-closed' } },
      { status: 'rejected', reason: { code: 'renderer-closed' } },
    ]);
    await expect(another.render(job({}), [instance()])).rejects.toMatchObject({ code: 'renderer-closed' });
  });
});
