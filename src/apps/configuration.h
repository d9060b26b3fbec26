#pragma once

#include "apps/commands.h"
#include "base/config.h"
#include "base/fs.h"
#include "base/result.h"

namespace dunlin::apps {

/// The source's file, the environment (DUNLIN_...) and --set, unread. Errors: of reading the file.
Result<config::Schema::Source> read_source(const ConfigSource& source, Fs& fs);

/// Reads the source's file, the environment (DUNLIN_...) and --set into the schema. Errors: those of
/// Schema::load, and of reading the file.
Result<void> load(config::Schema& schema, const ConfigSource& source, Fs& fs);

/// Prints "dunlin: why" to standard error; answers the exit status 1.
int report(const Error& error);

}  // namespace dunlin::apps
