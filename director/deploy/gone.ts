import { OperatorError } from '../../common/errors.ts';

/** The deployment went while a task on it waited. */
export function gone(name: string): OperatorError {
  return new OperatorError(`deployment "${name}" doesn't exist`, {
    code: 'deployment-not-found',
    hint: 'It was deleted meanwhile. Deploy it again.',
    details: { boshCode: 70000 },
  });
}
