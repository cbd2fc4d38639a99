import { writeFileSync } from 'node:fs';
import { renderConfigReference } from '../director/config/reference.ts';

// Run after a change of director/config/schema.ts; a test fails until it was.
writeFileSync(new URL('../docs/operators/configuration.md', import.meta.url), renderConfigReference());
