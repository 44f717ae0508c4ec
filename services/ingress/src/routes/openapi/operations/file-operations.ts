import { FilesQuery } from '../../openai/files/list-files.ts';
import { UploadFields } from '../../openai/files/upload-form.ts';
import { FileDeleted, FileList, FileObject } from '../answers/file-answers.ts';
import type { Section } from '../operation.ts';
import { rootAndV1, under } from './under.ts';

export const fileSection: Section = {
  tag: 'Files',
  description: 'Files of requests for batches, and of their answers.',
  kind: 'batch',
  operations: under(rootAndV1, {
    'POST /files': {
      summary: 'Stores a file, for a batch or for any use; the form may have its fields in any order.',
      form: { name: 'UploadFields', fields: UploadFields, file: 'file' },
      answer: { FileObject },
      errors: ['unsupported_parameter', 'overloaded'],
    },
    'GET /files': {
      summary: "The files of the key's team, or of the key if it has none.",
      query: [FilesQuery],
      answer: { FileList },
    },
    'GET /files/:id': { summary: 'One of them.', answer: { FileObject }, errors: ['not_found'] },
    'GET /files/:id/content': {
      summary: 'Its bytes, or a range of them.',
      media: { 'application/octet-stream': 'The bytes; with `Range` and status 206 those in the range.' },
      errors: ['not_found', 'range_not_satisfiable'],
    },
    'DELETE /files/:id': {
      summary: 'Deletes it, at once for all who look.',
      answer: { FileDeleted },
      errors: ['not_found'],
    },
  }),
};
