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

/// `done`, behind a count of what is there by the grant.
Grants::Done<Grant> Grants::counting(Done<Grant> done) {
  return [this, done = std::move(done)](Result<Grant> grant) mutable {
    if (!grant) return done(std::move(grant));
    std::vector<Grant> one;
    one.push_back(*std::move(grant));
    count_from(0, std::move(one), [done = std::move(done)](Result<std::vector<Grant>> counted) mutable {
      if (!counted) return done(std::unexpected(counted.error()));
      done(std::move(counted->front()));
    });
  };
}

void Grants::count_from(std::size_t at, std::vector<Grant> grants, Done<std::vector<Grant>> done) {
  if (at == grants.size()) return done(std::move(grants));
  std::string by = grant_id(grants[at]);
  enrolment_.count_enrolled(std::move(by), [this, at, grants = std::move(grants),
                                            done = std::move(done)](Result<std::int64_t> counted) mutable {
    if (!counted) return done(std::unexpected(counted.error()));
    grants[at].enrolled = *counted;
    count_from(at + 1, std::move(grants), std::move(done));
  });
}

void Grants::get(GrantKind kind, std::string id, Done<Grant> done) {
  read(kind, std::move(id), counting(std::move(done)));
}

void Grants::read(GrantKind kind, std::string id, Done<Grant> done) {
  load_document(grant_id(kind, id), [kind, id, done = std::move(done)](Result<Document> found) mutable {
    if (found) return done(grant_of(*found));
    if (found.error().code == Errc::not_found) return done(fail(Errc::not_found, missing(kind, id)));
    done(std::unexpected(found.error()));
  });
}

void Grants::list(GrantKind kind, std::string after, std::size_t limit, Done<std::vector<Grant>> done) {
  find(std::string(grant_kind_name(kind)), grant_id(kind, ""), std::move(after), limit,
       [this, done = std::move(done)](Result<Documents> found) mutable {
         if (!found) return done(std::unexpected(found.error()));
         std::vector<Grant> grants;
         for (const Document& document : *found) {
           auto grant = grant_of(document);
           if (!grant) return done(std::unexpected(grant.error()));
           grants.push_back(*std::move(grant));
         }
         count_from(0, std::move(grants), std::move(done));
       });
}

void Grants::update(security::Actor actor, GrantKind kind, std::string id,
                    std::function<Result<void>(Grant&)> edit, Done<Grant> done) {
  done = counting(std::move(done));
  enrolment_.in_turn([this, actor = std::move(actor), kind, id = std::move(id), edit = std::move(edit),
                      done = std::move(done)](Task next) mutable {
    read(kind, std::move(id),
         [this, actor = std::move(actor), edit = std::move(edit), next = std::move(next),
          done = std::move(done)](Result<Grant> grant) mutable {
           const bool counted = grant && grant->state == Grant::State::enabled;
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
           write(std::move(changes), [this, counted, grant = *std::move(grant), next = std::move(next),
                                      done = std::move(done)](auto written) mutable {
             next();
             if (!written) return done(std::unexpected(written.error()));
             ++grant.version;
             if (grant.kind == GrantKind::authority) authorities_.put(grant);
             if (!counted || grant.state == Grant::State::enabled) return done(std::move(grant));
             withdraw(grant, "is disabled", [grant, done = std::move(done)](Result<void> ended) mutable {
               if (!ended) return done(std::unexpected(ended.error()));
               done(std::move(grant));
             });
           });
         });
  });
}

void Grants::remove(security::Actor actor, GrantKind kind, std::string id, Done<void> done) {
  if (kind == GrantKind::claim) return remove_claim(std::move(actor), std::move(id), std::move(done));
  enrolment_.in_turn([this, actor = std::move(actor), kind, id = std::move(id),
                      done = std::move(done)](Task next) mutable {
    read(kind, std::move(id),
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
             withdraw(grant, "was removed", std::move(done));
           });
         });
  });
}

/// TLS no longer takes the authority's certificates; whoever is connected with one is ended.
void Grants::withdraw(const Grant& authority, std::string_view what, Done<void> done) {
  if (authority.kind != GrantKind::authority || !ender_) return done({});
  const std::string name = authority.label.empty() ? authority.id.substr(0, 16) : authority.label;
  std::string reason = "the authority " + name + ", which vouches for the certificate, " + std::string(what);
  parts().certificates.active_of_authority(parts().executor, authority.id,
                                           [this, reason = std::move(reason), done = std::move(done)](
                                               Result<std::vector<std::string>> found) mutable {
                                             if (!found) return done(std::unexpected(found.error()));
                                             ender_(tenant(), *std::move(found), std::move(reason));
                                             done({});
                                           });
}

/// Revoked first: from then on it lets nobody in. The grant stays: forgotten, the certificate would be one of
/// ours that nobody has registered yet.
void Grants::remove_claim(security::Actor actor, std::string id, Done<void> done) {
  parts().certificates.revoke(
      parts().executor, actor, id, security::RevocationReason::cessation_of_operation,
      [this, actor, id, done = std::move(done)](Result<security::CertificateRecord> revoked) mutable {
        // One from before claims were on record has only its grant.
        if (!revoked && revoked.error().code != Errc::not_found)
          return done(std::unexpected(revoked.error()));
        update(
            actor, GrantKind::claim, id,
            [](Grant& grant) -> Result<void> {
              grant.state = Grant::State::disabled;
              return {};
            },
            [done = std::move(done)](Result<Grant> disabled) mutable {
              if (!disabled) return done(std::unexpected(disabled.error()));
              done({});
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
                         [this, done = std::move(done)](Result<std::optional<Document>> found) mutable {
                           if (!found) return done(std::unexpected(found.error()));
                           auto count = tenant_of(*found);
                           if (!count) return done(std::move(count));
                           enrolment_.count_enrolled({}, [count = *count, done = std::move(done)](
                                                             Result<std::int64_t> counted) mutable {
                             if (!counted) return done(std::unexpected(counted.error()));
                             count.enrolled = *counted;
                             done(count);
                           });
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
