import { messageBytesMax } from '../../agent/protocol.ts';
import { OperatorError } from '../../common/errors.ts';

export function messageTooLarge(subject: string, bytes: number): OperatorError {
  return new OperatorError(`message on ${subject}: ${bytes} bytes, the bus takes ${messageBytesMax}`, {
    code: 'bus-message-too-large',
    hint: 'What goes into the message is too large: most often the properties of one job. Make them smaller.',
    details: { subject, bytes, bytesMax: messageBytesMax },
  });
}

export function busClosed(): OperatorError {
  return new OperatorError('the connection to the message bus is closed', {
    code: 'bus-closed',
    retryable: true,
    hint: 'The director is stopping, or it lost the bus for good. Run the task again once it is up.',
  });
}

/** Not an operator's error: only a bug of ours publishes or subscribes on a subject of somebody else. */
export function permissionDenied(act: 'publish' | 'subscribe', subject: string, commonName: string): Error {
  return new Error(`${commonName} may not ${act} on "${subject}"`);
}

export function subjectInvalid(subject: string): Error {
  return new Error(`"${subject}" is not a subject`);
}
