#include "security/role_register.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "security/account_rules.h"
#include "security/limits.h"
#include "security/names.h"

namespace dunlin::security {
namespace {

using store::Change;
using store::Document;
using store::DocumentKind;
using Documents = std::vector<Document>;
using OptionalDocument = std::optional<Document>;
using Texts = std::vector<std::string>;

constexpr std::size_t kHolderPage = 200;
constexpr std::size_t kNamedHolders = 3;

Result<void> check_content(const std::string& about, const Texts& permissions) {
  if (about.size() > kMaxLabel || !is_clean_utf8(about))
    return fail(Errc::invalid_argument,
                "\"about\" must be text of at most " + std::to_string(kMaxLabel) + " bytes");
  if (permissions.empty()) return fail(Errc::invalid_argument, "a role needs a permission");
  return check_permissions(permissions);
}

Result<void> check_own(const RoleTable& table, const std::string& name) {
  const auto role = table.find(name);
  if (!role) return fail(Errc::not_found, "there is no role " + name);
  if (role->origin == Role::Origin::own) return {};
  return fail(Errc::permission_denied,
              "the role " + name + " is built in and stays as it is: make one of another name");
}

/// "+alarms:write -things:write", for the audit.
std::string difference(const Texts& before, const Texts& after) {
  std::string text;
  const auto say = [&text](char sign, const Texts& some, const Texts& others) {
    for (const std::string& one : some) {
      if (std::ranges::find(others, one) != others.end()) continue;
      text.append(text.empty() ? "" : " ").append(1, sign).append(one);
    }
  };
  say('+', after, before);
  say('-', before, after);
  return text;
}

template <class T>
void answer(Executor& reply_to, RoleRegister::Done<T> done, Error error) {
  reply_to.post([done = std::move(done), error = std::move(error)]() mutable {
    done(std::unexpected(std::move(error)));
  });
}

}  // namespace

void RoleRegister::load(Executor& reply_to, Done<void> done) {
  store::Query query;
  query.kind = DocumentKind::role;
  query.tenant = tenant_.value;
  query.limit = 2 * kMaxRoles;  // two that are made at the same moment may both be the last
  repository_.find(
      reply_to, std::move(query), [this, done = std::move(done)](Result<Documents> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        for (const Document& stored : *found) {
          auto role = role_of(stored);
          if (!role) {
            log::error("security", "a stored role cannot be read and gives nothing", {{"role", stored.id}});
            continue;
          }
          table_.put({*std::move(role), Role::Origin::own, stored.version});
        }
        done({});
      });
}

/// The role's change is the first; answers its version.
void RoleRegister::write(Executor& reply_to, std::vector<Change> changes, Done<std::uint64_t> done) {
  repository_.write(reply_to, std::move(changes),
                    [done = std::move(done)](Result<std::vector<std::uint64_t>> written) mutable {
                      if (!written) return done(std::unexpected(written.error()));
                      done(written->front());
                    });
}

void RoleRegister::create(Executor& reply_to, Actor actor, RoleRecord role, Done<Role> done) {
  auto fits = check_role_name(role.name);
  if (fits) fits = check_content(role.about, role.permissions);
  if (fits && table_.find(role.name)) fits = fail(Errc::already_exists, "a role of this name exists");
  if (fits && table_.all().size() >= kMaxRoles + built_in_roles().size())
    fits = fail(Errc::limit_exceeded, "there are " + std::to_string(kMaxRoles) + " roles: delete one first");
  if (!fits) return answer(reply_to, std::move(done), fits.error());
  role.created_at = unix_milliseconds(clock_.wall_now());
  const std::string detail = difference({}, role.permissions);
  std::vector<Change> changes = {
      put_change(DocumentKind::role, tenant_, document_of(role), 0),
      audit_change(
          tenant_, clock_.wall_now(),
          {.actor = std::move(actor), .action = "role.create", .object = role.name, .detail = detail})};
  write(reply_to, std::move(changes),
        [this, role = std::move(role), done = std::move(done)](Result<std::uint64_t> version) mutable {
          if (!version && version.error().code == Errc::conflict)
            return done(fail(Errc::already_exists, "a role of this name was made a moment ago"));
          if (!version) return done(std::unexpected(version.error()));
          Role made{std::move(role), Role::Origin::own, *version};
          table_.put(made);
          done(std::move(made));
        });
}

void RoleRegister::change(Executor& reply_to, Actor actor, std::string name, RoleChange change,
                          Done<Role> done) {
  if (const auto own = check_own(table_, name); !own) return answer(reply_to, std::move(done), own.error());
  Role role = *table_.find(name);
  const Texts before = role.record.permissions;
  if (change.about) role.record.about = *std::move(change.about);
  if (change.permissions) role.record.permissions = *std::move(change.permissions);
  if (const auto fits = check_content(role.record.about, role.record.permissions); !fits)
    return answer(reply_to, std::move(done), fits.error());
  const std::string detail = difference(before, role.record.permissions);
  std::vector<Change> changes = {
      put_change(DocumentKind::role, tenant_, document_of(role.record), role.version),
      audit_change(tenant_, clock_.wall_now(),
                   {.actor = std::move(actor), .action = "role.update", .object = name, .detail = detail})};
  write(reply_to, std::move(changes),
        [this, role = std::move(role), done = std::move(done)](Result<std::uint64_t> version) mutable {
          if (!version) return done(std::unexpected(version.error()));
          role.version = *version;
          table_.put(role);
          done(std::move(role));
        });
}

/// Goes through users and then tokens, page by page. Owned by its own completions.
class RoleRegister::Walk : public std::enable_shared_from_this<RoleRegister::Walk> {
 public:
  using Each = std::move_only_function<void(const std::string&)>;
  Walk(store::Repository& repository, Executor& reply_to, TenantId tenant, std::string role, Each each,
       Done<void> done)
      : repository_(repository),
        reply_to_(reply_to),
        tenant_(tenant),
        role_(std::move(role)),
        each_(std::move(each)),
        done_(std::move(done)) {}

  void next_page(std::string after) {
    store::Query query;
    query.kind = kind_;
    query.tenant = tenant_.value;
    query.equals = {{kRoleIndex, role_}};
    query.after_id = std::move(after);
    query.limit = kHolderPage;
    repository_.find(reply_to_, std::move(query),
                     [self = shared_from_this()](Result<Documents> page) { self->take(std::move(page)); });
  }

 private:
  void take(Result<Documents> page) {
    if (!page) return done_(std::unexpected(page.error()));
    for (const Document& document : *page) {
      if (kind_ == DocumentKind::user) {
        each_(document.id);
      } else if (const auto token = token_of(document)) {
        each_(token->owner);
      }
    }
    if (page->size() == kHolderPage) return next_page(page->back().id);
    if (kind_ == DocumentKind::token) return done_({});
    kind_ = DocumentKind::token;
    next_page({});
  }

  store::Repository& repository_;
  Executor& reply_to_;
  TenantId tenant_;
  std::string role_;
  Each each_;
  Done<void> done_;
  DocumentKind kind_ = DocumentKind::user;
};

void RoleRegister::for_each_holder(Executor& reply_to, std::string role,
                                   std::move_only_function<void(const std::string&)> each, Done<void> done) {
  std::make_shared<Walk>(repository_, reply_to, tenant_, std::move(role), std::move(each), std::move(done))
      ->next_page({});
}

void RoleRegister::remove(Executor& reply_to, Actor actor, std::string name, Done<void> done) {
  auto closed = check_own(table_, name);
  if (closed) closed = table_.close(name);
  if (!closed) return answer(reply_to, std::move(done), closed.error());
  remove_closed(reply_to, std::move(actor), name,
                [this, name, done = std::move(done)](Result<void> removed) mutable {
                  if (removed) {
                    table_.remove(name);
                  } else {
                    table_.reopen(name);
                  }
                  done(std::move(removed));
                });
}

void RoleRegister::remove_closed(Executor& reply_to, Actor actor, std::string name, Done<void> done) {
  auto holders = std::make_shared<Texts>();  // shared: by the walk and what follows it
  const auto note = [holders](const std::string& user) {
    const bool known = std::ranges::find(*holders, user) != holders->end();
    if (!known && holders->size() <= kNamedHolders) holders->push_back(user);
  };
  for_each_holder(
      reply_to, name, note,
      [this, &reply_to, holders, name, actor = std::move(actor),
       done = std::move(done)](Result<void> looked) mutable {
        if (!looked) return done(std::unexpected(looked.error()));
        if (!holders->empty()) {
          std::string who;
          for (std::size_t i = 0; i < std::min(holders->size(), kNamedHolders); ++i)
            who.append(i == 0 ? "" : ", ").append((*holders)[i]);
          if (holders->size() > kNamedHolders) who += " and others";
          return done(fail(Errc::conflict, "the role " + name + " is in use by users or tokens of " + who +
                                               ": take it from them first"));
        }
        std::vector<Change> changes = {
            remove_change(DocumentKind::role, tenant_, name),
            audit_change(tenant_, clock_.wall_now(),
                         {.actor = std::move(actor), .action = "role.delete", .object = name})};
        write(reply_to, std::move(changes), [done = std::move(done)](Result<std::uint64_t> written) mutable {
          if (!written) return done(std::unexpected(written.error()));
          done({});
        });
      });
}

}  // namespace dunlin::security
