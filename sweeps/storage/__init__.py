"""Where a study is kept: its journal file, and a database that several machines share."""
