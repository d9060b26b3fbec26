#include "service/series/series_pages.h"

#include <utility>

namespace dunlin::series {

void tell_pages(PageTarget target, std::string begin, std::move_only_function<void(Result<ScanGo>)> done) {
  if (!target.reader.has_chunks()) return done(target.reader.finish(target.visitor, target.told));
  store::Range range = target.reader.chunks();
  if (!begin.empty()) range.begin = std::move(begin);
  range.max_bytes = kBytesPerPage;
  target.keyed.ranges(target.asker, store::Table::series, {std::move(range)},
                      [target, done = std::move(done)](Result<std::vector<store::RangePart>> parts) mutable {
                        if (!parts) return done(std::unexpected(parts.error()));
                        store::RangePart& part = parts->front();
                        auto go = target.reader.take(part.entries, target.visitor, target.told);
                        if (!go || *go == ScanGo::stop) return done(std::move(go));
                        if (part.end == store::RangePart::End::cut)
                          return tell_pages(target, target.reader.next_key(), std::move(done));
                        done(target.reader.finish(target.visitor, target.told));
                      });
}

}  // namespace dunlin::series
