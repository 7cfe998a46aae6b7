-- How far each import of history from elsewhere is.
--   name       what the import is called: the same for every try of one import
--   id_offset  what was added to every record number of the source
--   done_from  everything from this second on has been brought in, NULL at the beginning
--   finished   whether a try came to its end
CREATE TABLE imports (
    name      text COLLATE "C" PRIMARY KEY,
    id_offset bigint NOT NULL,
    done_from bigint,
    finished  boolean NOT NULL
);
