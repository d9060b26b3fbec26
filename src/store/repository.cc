#include "store/repository.h"

#include <utility>

namespace dunlin::store {
namespace {

constexpr std::size_t kPage = 500;

void count_page(Repository& repository, Executor& reply_to, Query query, std::size_t counted,
                std::move_only_function<void(Result<std::size_t>)> done) {
  Query page = query;
  repository.find(reply_to, std::move(page),
                  [&repository, &reply_to, query = std::move(query), counted,
                   done = std::move(done)](Result<std::vector<Document>> found) mutable {
                    if (!found) return done(std::unexpected(found.error()));
                    counted += found->size();
                    if (found->size() < kPage) return done(counted);
                    query.after_id = found->back().id;
                    count_page(repository, reply_to, std::move(query), counted, std::move(done));
                  });
}

}  // namespace

void Repository::count(Executor& reply_to, DocumentKind kind, std::uint32_t tenant, Field field,
                       std::move_only_function<void(Result<std::size_t>)> done) {
  Query query{.kind = kind, .tenant = tenant, .equals = {std::move(field)}, .limit = kPage};
  count_page(*this, reply_to, std::move(query), 0, std::move(done));
}

}  // namespace dunlin::store
