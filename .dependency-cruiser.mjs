// Who may import whom. Each rule says why; `npm run check` enforces them.
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });
const formats = 'manifests|releases|stemcells';
const programs = 'director|agent|cpi|cli|clusters|console';

export default {
  forbidden: [
    rule('no-circular', 'A cycle has no bottom to start reading from.', {}, { circular: true }),
    rule('common-is-a-leaf', 'common/ is vocabulary.', { path: '^common/' }, { path: `^(${formats}|${programs})/` }),
    rule(
      'plan-is-pure',
      'Planning decides; it never acts. Types may come from anywhere.',
      { path: '^director/plan/' },
      { path: '^(director/(?!plan/)|cpi/|agent/)', dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'plan-no-core',
      'No node built-ins in the planner.',
      { path: '^director/plan/' },
      { dependencyTypes: ['core'] },
    ),
    rule(
      'cpi-knows-no-director',
      'A CPI is a plug.',
      { path: '^cpi/' },
      { path: '^(director|agent|cli|clusters|console)/' },
    ),
    rule(
      'cpis-are-strangers',
      'Shared IaaS code goes to cpi/*.ts.',
      { path: '^cpi/([^/]+)/' },
      { path: '^cpi/[^/]+/', pathNot: '^cpi/$1/' },
    ),
    rule(
      'cpi-by-interface',
      'Only main.ts may name a concrete CPI.',
      { path: '^director/', pathNot: '^director/main(/|\\.ts$)' },
      { path: '^cpi/[^/]+/' },
    ),
    rule(
      'domain-sits-below',
      'manifests, releases and stemcells are data and rules about data.',
      { path: `^(${formats})/` },
      { path: `^(${programs})/` },
    ),
    rule(
      'agent-by-protocol',
      'The director knows the wire, not the agent. main.ts wires simulated machines to simulated agents.',
      { path: '^director/', pathNot: '^director/main(/|\\.ts$)' },
      { path: '^agent/', pathNot: '^agent/protocol' },
    ),
    rule(
      'agent-stands-alone',
      'The agent ships alone to every VM.',
      { path: '^agent/' },
      { path: `^(${formats}|director|cpi|cli|clusters|console)/` },
    ),
    rule(
      'dns-stands-alone',
      'The DNS server ships alone to every VM.',
      { path: '^dns/' },
      { path: `^(${formats}|${programs})/` },
    ),
    rule(
      'clients-use-the-contract',
      'cli, clusters and console are API clients; the gantry program also starts a director by its main.ts.',
      { path: '^(cli|clusters|console)/' },
      { path: '^(director|agent|cpi)/', pathNot: '^director/(api/contract|main\\.ts)' },
    ),
    rule('no-test-in-production', 'Test helpers stay in test/.', { pathNot: '^test/' }, { path: '^test/' }),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules)/' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.mjs'] },
  },
};
