#pragma once
// series.delete and series.usage: what stored measurements take, and getting rid of them.

#include <vector>

#include "model/operation.h"
#include "service/series/series_store.h"

namespace dunlin::series {

/// The store must outlive the table. One executor's thread.
void declare_storage(model::OperationTable& table, SeriesStore& store);
std::vector<model::OperationSpec> storage_operations();

}  // namespace dunlin::series
