#include "service/provision/grants.h"

#include <utility>

#include "security/records.h"

namespace dunlin::provision {
namespace {

using store::Document;
using store::DocumentKind;
using Documents = std::vector<Document>;

std::string missing(GrantKind kind, std::string_view id) {
  return "there is no " + std::string(grant_kind_name(kind)) + " \"" + std::string(id) + "\"";
}

}  // namespace

std::int64_t Grants::now() const {
  return unix_milliseconds(parts().clock.wall_now());
}

store::Change Grants::audit(const security::Actor& actor, std::string_view action,
                            std::string_view object) const {
  return security::audit_change(tenant(), parts().clock.wall_now(),
                                {.actor = actor, .action = action, .object = object});
}

void Grants::write(std::vector<store::Change> changes, Done<std::vector<std::uint64_t>> done) {
  parts().repository.write(parts().executor, std::move(changes), std::move(done));
}

void Grants::find(std::string what, std::string prefix, std::string after, std::size_t limit,
                  Done<Documents> done) {
  store::Query query;
  query.kind = DocumentKind::authority;
  query.tenant = tenant().value;
  query.equals = {{"what", std::move(what)}};
  query.after_id = after.empty() ? "" : prefix + std::move(after);
  query.id_prefix = std::move(prefix);
  query.limit = limit;
  parts().repository.find(parts().executor, std::move(query), std::move(done));
}

void Grants::load_document(std::string id, Done<Document> done) {
  parts().repository.get(parts().executor, DocumentKind::authority, tenant().value, std::move(id),
                         [done = std::move(done)](Result<std::optional<Document>> found) mutable {
                           if (!found) return done(std::unexpected(found.error()));
                           if (!*found) return done(fail(Errc::not_found, ""));
                           done(std::move(**found));
                         });
}

void Grants::load(Done<void> done) {
  list(GrantKind::authority, "", kMaxAuthorities,
       [this, done = std::move(done)](Result<std::vector<Grant>> found) mutable {
         if (!found) return done(std::unexpected(found.error()));
         authorities_.fill(*std::move(found));
         enrolment_.load(std::move(done));
       });
}

void Grants::get(GrantKind kind, std::string id, Done<Grant> done) {
  load_document(grant_id(kind, id), [kind, id, done = std::move(done)](Result<Document> found) mutable {
    if (found) return done(grant_of(*found));
    if (found.error().code == Errc::not_found) return done(fail(Errc::not_found, missing(kind, id)));
    done(std::unexpected(found.error()));
  });
}

void Grants::list(GrantKind kind, std::string after, std::size_t limit, Done<std::vector<Grant>> done) {
  find(std::string(grant_kind_name(kind)), grant_id(kind, ""), std::move(after), limit,
       [done = std::move(done)](Result<Documents> found) mutable {
         if (!found) return done(std::unexpected(found.error()));
         std::vector<Grant> grants;
         for (const Document& document : *found) {
           auto grant = grant_of(document);
           if (!grant) return done(std::unexpected(grant.error()));
           grants.push_back(*std::move(grant));
         }
         done(std::move(grants));
       });
}

void Grants::update(security::Actor actor, GrantKind kind, std::string id,
                    std::function<Result<void>(Grant&)> edit, Done<Grant> done) {
  enrolment_.in_turn([this, actor = std::move(actor), kind, id = std::move(id), edit = std::move(edit),
                      done = std::move(done)](Task next) mutable {
    get(kind, std::move(id),
        [this, actor = std::move(actor), edit = std::move(edit), next = std::move(next),
         done = std::move(done)](Result<Grant> grant) mutable {
          if (grant) {
            if (const auto edited = edit(*grant); !edited) grant = std::unexpected(edited.error());
          }
          if (!grant) {
            next();
            return done(std::move(grant));
          }
          std::vector<store::Change> changes;
          changes.push_back(put_change(tenant(), *grant));
          changes.push_back(audit(actor, std::string(grant_kind_name(grant->kind)) + ".update", grant->id));
          write(std::move(changes), [this, grant = *std::move(grant), next = std::move(next),
                                     done = std::move(done)](auto written) mutable {
            next();
            if (!written) return done(std::unexpected(written.error()));
            ++grant.version;
            if (grant.kind == GrantKind::authority) authorities_.put(grant);
            done(std::move(grant));
          });
        });
  });
}

void Grants::remove(security::Actor actor, GrantKind kind, std::string id, Done<void> done) {
  if (kind == GrantKind::claim) {
    // Forgotten, the certificate would be one of ours that nobody has registered yet.
    return update(
        std::move(actor), kind, std::move(id),
        [](Grant& grant) -> Result<void> {
          grant.state = Grant::State::disabled;
          return {};
        },
        [done = std::move(done)](Result<Grant> disabled) mutable {
          if (!disabled) return done(std::unexpected(disabled.error()));
          done({});
        });
  }
  enrolment_.in_turn([this, actor = std::move(actor), kind, id = std::move(id),
                      done = std::move(done)](Task next) mutable {
    get(kind, std::move(id),
        [this, actor = std::move(actor), next = std::move(next),
         done = std::move(done)](Result<Grant> grant) mutable {
          if (!grant) {
            next();
            return done(std::unexpected(grant.error()));
          }
          std::vector<store::Change> changes;
          changes.push_back(remove_change(tenant(), *grant));
          changes.push_back(audit(actor, std::string(grant_kind_name(grant->kind)) + ".delete", grant->id));
          write(std::move(changes), [this, grant = *std::move(grant), next = std::move(next),
                                     done = std::move(done)](auto written) mutable {
            next();
            if (!written) return done(std::unexpected(written.error()));
            if (grant.kind == GrantKind::authority) authorities_.remove(grant.id);
            done({});
          });
        });
  });
}

void Grants::list_waiting(std::string after, std::size_t limit, Done<std::vector<Waiting>> done) {
  find("waiting", waiting_id(""), std::move(after), limit,
       [done = std::move(done)](Result<Documents> found) mutable {
         if (!found) return done(std::unexpected(found.error()));
         std::vector<Waiting> all;
         for (const Document& document : *found) {
           auto waiting = waiting_of(document);
           if (!waiting) return done(std::unexpected(waiting.error()));
           all.push_back(*std::move(waiting));
         }
         done(std::move(all));
       });
}

void Grants::decide(security::Actor actor, std::string name, Waiting::State state, Done<Waiting> done) {
  enrolment_.in_turn([this, actor = std::move(actor), name = std::move(name), state,
                      done = std::move(done)](Task next) mutable {
    load_document(waiting_id(name), [this, actor = std::move(actor), name, state, next = std::move(next),
                                     done = std::move(done)](Result<Document> found) mutable {
      auto waiting = found ? waiting_of(*found) : fail(Errc::not_found, "nothing waits as \"" + name + "\"");
      if (!waiting) {
        next();
        return done(std::move(waiting));
      }
      waiting->state = state;
      std::vector<store::Change> changes;
      changes.push_back(put_change(tenant(), *waiting));
      changes.push_back(
          audit(actor, state == Waiting::State::approved ? "enrolment.approve" : "enrolment.reject", name));
      write(std::move(changes), [waiting = *std::move(waiting), next = std::move(next),
                                 done = std::move(done)](auto written) mutable {
        next();
        if (!written) return done(std::unexpected(written.error()));
        done(std::move(waiting));
      });
    });
  });
}

void Grants::forget(security::Actor actor, std::string name, Done<void> done) {
  enrolment_.in_turn([this, actor = std::move(actor), name = std::move(name),
                      done = std::move(done)](Task next) mutable {
    load_document(waiting_id(name), [this, actor = std::move(actor), name, next = std::move(next),
                                     done = std::move(done)](Result<Document> found) mutable {
      auto waiting = found ? waiting_of(*found) : fail(Errc::not_found, "nothing waits as \"" + name + "\"");
      if (!waiting) {
        next();
        return done(std::unexpected(waiting.error()));
      }
      std::vector<store::Change> changes;
      changes.push_back(remove_change(tenant(), *waiting));
      changes.push_back(audit(actor, "enrolment.forget", name));
      write(std::move(changes), [this, next = std::move(next), done = std::move(done)](auto written) mutable {
        next();
        if (!written) return done(std::unexpected(written.error()));
        enrolment_.count_waiting(-1);
        done({});
      });
    });
  });
}

void Grants::tenant_count(Done<TenantCount> done) {
  parts().repository.get(parts().executor, DocumentKind::authority, tenant().value, std::string(kTenantId),
                         [done = std::move(done)](Result<std::optional<Document>> found) mutable {
                           if (!found) return done(std::unexpected(found.error()));
                           done(tenant_of(*found));
                         });
}

void Grants::set_tenant_quota(security::Actor actor, std::int64_t quota, Done<TenantCount> done) {
  enrolment_.in_turn([this, actor = std::move(actor), quota, done = std::move(done)](Task next) mutable {
    tenant_count([this, actor = std::move(actor), quota, next = std::move(next),
                  done = std::move(done)](Result<TenantCount> count) mutable {
      if (!count) {
        next();
        return done(std::move(count));
      }
      count->quota = quota;
      std::vector<store::Change> changes;
      changes.push_back(put_change(tenant(), *count));
      changes.push_back(audit(actor, "enrolment.limit", std::to_string(quota)));
      write(std::move(changes),
            [count = *count, next = std::move(next), done = std::move(done)](auto written) mutable {
              next();
              if (!written) return done(std::unexpected(written.error()));
              done(count);
            });
    });
  });
}

}  // namespace dunlin::provision
