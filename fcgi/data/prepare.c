/*
 * prepare.c: every statement of this program, prepared against the schema it will meet.
 *
 * SQL lives in constants whose names end in _sql (style rule 6). The program's own symbol table lists them all, so there is no
 * second list to keep: a statement that the migrated schema does not take is found before the first request. Nothing is run.
 */
#include "core.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "data/db_private.h"

struct image {
	const uint8_t *p;
	size_t n;
};

static int
map_self(struct image *ret, struct problem *err)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (p == MAP_FAILED)
		return problem(err, 500, "no_symbols", "the program's own file cannot be read");
	*ret = (struct image){ p, (size_t)st.st_size };
	return 0;
}

static const ElfW(Shdr) * section_at(const struct image *im, size_t i)
{
	const ElfW(Ehdr) *e = (const void *)im->p;
	size_t at = e->e_shoff + i * sizeof(ElfW(Shdr));

	return i < e->e_shnum && at + sizeof(ElfW(Shdr)) <= im->n ? (const void *)(im->p + at) : NULL;
}

static const ElfW(Shdr) * symbol_table(const struct image *im)
{
	const ElfW(Ehdr) *e = (const void *)im->p;
	const ElfW(Shdr) * s;

	if (im->n < sizeof(*e) || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0)
		return NULL;
	for (size_t i = 0; (s = section_at(im, i)) != NULL; i++)
		if (s->sh_type == SHT_SYMTAB && s->sh_offset + s->sh_size <= im->n)
			return s;
	return NULL;
}

/* Where the program was loaded: the first object of the list is the program itself. */
static int
first_object(struct dl_phdr_info *info, size_t size UNUSED, void *base)
{
	*(uintptr_t *)base = info->dlpi_addr;
	return 1;
}

static const char *
name_of(const struct image *im, const ElfW(Shdr) * names, const ElfW(Sym) * sym)
{
	const char *name = (const char *)im->p + names->sh_offset + sym->st_name;

	if (sym->st_name >= names->sh_size || names->sh_offset + names->sh_size > im->n ||
	    memchr(name, '\0', names->sh_size - sym->st_name) == NULL)
		return "";
	return name;
}

static bool
is_statement(const ElfW(Sym) * sym, const char *name)
{
	size_t n = strlen(name);

	return ELF64_ST_TYPE(sym->st_info) == STT_OBJECT && sym->st_size > 8 && n > 4 && strcmp(name + n - 4, "_sql") == 0;
}

/* The words of the server may be shown: they speak of our own SQL. */
static int
prepare_one(struct db *db, const char *name, const char *sql, struct problem *err)
{
	int rc = 0;

	(void)PQsendPrepare(db->conn, "", sql, 0, NULL);
	(void)PQpipelineSync(db->conn);
	for (;;) {
		PGresult *res = PQgetResult(db->conn);
		ExecStatusType status = PQresultStatus(res);

		if (res == NULL && PQstatus(db->conn) != CONNECTION_OK)
			return db_unavailable(err, "the connection to the database was lost");
		if (res != NULL && status == PGRES_FATAL_ERROR)
			rc = problem(err, 500, "bad_statement", "%s: %s", name, PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
		PQclear(res);
		if (res != NULL && status == PGRES_PIPELINE_SYNC)
			return rc;
	}
}

int
db_prepare_all(struct db *db, unsigned *n, struct problem *err)
{
	const ElfW(Shdr) * table, *names;
	struct image im = { 0 };
	uintptr_t base = 0;
	int rc = 0;

	*n = 0;
	if (db_connected(db, err) < 0 || map_self(&im, err) < 0)
		return -1;
	table = symbol_table(&im);
	names = table != NULL ? section_at(&im, table->sh_link) : NULL;
	if (names == NULL)
		rc = problem(err, 500, "no_symbols", "the program is stripped: its statements cannot be listed");
	(void)dl_iterate_phdr(first_object, &base);
	for (size_t i = 0; rc == 0 && i < table->sh_size / sizeof(ElfW(Sym)); i++) {
		const ElfW(Sym) *sym = (const ElfW(Sym) *)(const void *)(im.p + table->sh_offset) + i;
		const char *name = name_of(&im, names, sym);

		if (!is_statement(sym, name))
			continue;
		rc = prepare_one(db, name, (const char *)(base + sym->st_value), err);
		(*n)++;
	}
	(void)munmap((void *)(uintptr_t)im.p, im.n);
	return rc;
}
