import { FilesQuery } from '../../openai/files/list-files.ts';
import { UploadFields } from '../../openai/files/upload-form.ts';
import { FileDeleted, FileList, FileObject } from '../answers/file-answers.ts';
import type { Operation, Section } from '../operation.ts';

const upload: Operation = {
  summary: 'Stores a file, for a batch or for any use; the form may have its fields in any order.',
  form: { name: 'UploadFields', fields: UploadFields, file: 'file' },
  answer: { FileObject },
  errors: ['unsupported_parameter', 'overloaded'],
};

const list: Operation = {
  summary: "The files of the key's team, or of the key if it has none.",
  query: [FilesQuery],
  answer: { FileList },
};

const retrieve: Operation = { summary: 'One of them.', answer: { FileObject }, errors: ['not_found'] };

const content: Operation = {
  summary: 'Its bytes, or a range of them.',
  media: { 'application/octet-stream': 'The bytes; with `Range` and status 206 those in the range.' },
  errors: ['not_found', 'range_not_satisfiable'],
};

const remove: Operation = {
  summary: 'Deletes it, at once for all who look.',
  answer: { FileDeleted },
  errors: ['not_found'],
};

export const fileSection: Section = {
  tag: 'Files',
  description: 'Files of requests for batches, and of their answers.',
  kind: 'batch',
  operations: {
    'POST /files': upload,
    'POST /v1/files': upload,
    'GET /files': list,
    'GET /v1/files': list,
    'GET /files/:id': retrieve,
    'GET /v1/files/:id': retrieve,
    'GET /files/:id/content': content,
    'GET /v1/files/:id/content': content,
    'DELETE /files/:id': remove,
    'DELETE /v1/files/:id': remove,
  },
};
