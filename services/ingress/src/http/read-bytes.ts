import express, { type Request, type RequestHandler, type Response } from 'express';

/** Reads a body as bytes into `req.body`, whatever its type says: what is in it is checked where it is read. */
export function bytes(limit: number): RequestHandler {
  return express.raw({ type: () => true, limit });
}

/** The same as a step of a route that has something to do before: naming the caller. */
export function createReadBytes(limit: number): (req: Request, res: Response) => Promise<void> {
  const read = bytes(limit);
  return (req, res) =>
    new Promise((resolve, reject) => {
      void read(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
    });
}
