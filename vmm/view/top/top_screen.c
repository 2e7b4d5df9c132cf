/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The screen: see top_screen.h. From the top: a title, three lines of figures, panels side by side, the map, and a line
 * for keys, messages and the prompt.
 */
#include "view/top/top_screen.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number_text.h"
#include "kind/kind.h"
#include "view/coverage.h"
#include "view/holding_text.h"
#include "view/top/top_panels.h"

#define LINES_MIN      10
#define COLUMNS_MIN    40
#define HEAD_LINES     4
#define PANEL_GAP      2
#define PANEL_ROWS_MAX 20
#define LABEL          10 /* of a line of figures */
#define ESCAPE_MS      25
#define FIGURES_MAX    512               /* characters of a line of figures */
#define PROGRAM        "pagevisor top  " /* if there is room */

static bool has_callers(const struct top_sample *sample)
{
	return sample->is_traced;
}

static bool has_references(const struct top_sample *sample)
{
	return sample->guest.kind->has_references;
}

static bool has_allocator(const struct top_sample *sample)
{
	return sample->guest.kind->free_counts;
}

/* From left to right, as many as fit; all but the first take turns. The remaining width is shared out by weight. */
static const struct panel {
	int width_min;
	int weight;
	/* Whether the guest has this. NULL: every guest does. */
	bool (*has)(const struct top_sample *sample);
	void (*draw)(const struct top_picture *picture, struct top_area area);
} panels[] = {
	{38, 2, NULL, top_panel_types},
	{19, 1, has_callers, top_panel_callers},
	{19, 1, NULL, top_panel_states},
	{19, 1, has_references, top_panel_references},
	{19, 1, has_allocator, top_panel_allocator},
};

#define PANELS (sizeof(panels) / sizeof(panels[0]))

static struct top_terminal look_at_terminal(void)
{
	const char *no_colour = getenv("NO_COLOR");
	bool is_plain = no_colour && *no_colour;
	struct top_terminal terminal = {.has_blocks = strcmp(nl_langinfo(CODESET), "UTF-8") == 0};

	if (is_plain || !has_colors() || start_color() == ERR)
		return terminal;
	use_default_colors();
	terminal.has_colours = COLORS >= 256;
	return terminal;
}

/* What a signal's handler needs to restore the terminal. `is_taken` is set last: the handler may run at any moment. */
static struct {
	volatile sig_atomic_t is_taken;
	struct termios modes;
	char goodbye[64]; /* shows the cursor, and the screen as it was */
} taken;

static void keep(const char *capability)
{
	const char *text = tigetstr(capability);

	if (text && text != (char *)-1 &&
	    strlen(taken.goodbye) + strlen(text) < sizeof(taken.goodbye))
		strcat(taken.goodbye, text);
}

void top_screen_abandon(void)
{
	if (!taken.is_taken)
		return;
	ssize_t ignored = write(STDOUT_FILENO, taken.goodbye, strlen(taken.goodbye));

	(void)ignored;
	tcsetattr(STDIN_FILENO, TCSANOW, &taken.modes);
}

int top_screen_begin(struct top_screen *screen, struct error *err)
{
	const char *kind = getenv("TERM");
	bool has_modes = tcgetattr(STDIN_FILENO, &taken.modes) == 0;

	setlocale(LC_CTYPE, "");
	SCREEN *curses = newterm(NULL, stdout, stdin);

	/* A terminal that cannot move its cursor has no screen to draw on. */
	const char *move_cursor = curses ? tigetstr("cup") : NULL;

	if (curses && (!move_cursor || move_cursor == (char *)-1)) {
		endwin();
		delscreen(curses);
		curses = NULL;
	}
	if (!curses)
		return error_set(err, -ENOTSUP,
				 "cannot draw on a terminal of type \"%.40s\" (TERM); "
				 "use pagevisor stat instead",
				 kind ? kind : "");
	screen->curses = curses;
	taken.goodbye[0] = '\0';
	keep("cnorm");
	keep("rmcup");
	taken.is_taken = has_modes;
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	screen->terminal = look_at_terminal();
	return 0;
}

bool top_screen_has_terminal(void)
{
	pid_t group = tcgetpgrp(STDIN_FILENO);

	return group < 0 || group == getpgrp();
}

void top_screen_leave(struct top_screen *screen)
{
	(void)screen;
	/* If the terminal keeps the picture, later output begins below it. */
	move(LINES - 1, 0);
	clrtoeol();
	refresh();
	endwin();
}

void top_screen_end(struct top_screen *screen)
{
	if (!screen->curses)
		return;
	if (top_screen_has_terminal())
		top_screen_leave(screen);
	taken.is_taken = false;
	delscreen(screen->curses);
	screen->curses = NULL;
}

bool top_screen_resize(struct top_screen *screen)
{
	struct winsize size;

	(void)screen;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0 ||
	    !is_term_resized(size.ws_row, size.ws_col))
		return false;
	resize_term(size.ws_row, size.ws_col);
	clearok(stdscr, TRUE);
	return true;
}

void top_screen_redraw(struct top_screen *screen)
{
	(void)screen;
	/* The modes, too: whoever stopped the process with SIGSTOP has set others. */
	if (!isendwin())
		reset_prog_mode();
	clearok(curscr, TRUE);
}

int top_screen_key(struct top_screen *screen)
{
	(void)screen;
	return getch();
}

static bool is_too_small(void)
{
	return LINES < LINES_MIN || COLS < COLUMNS_MIN;
}

/* Depends on the size alone, so that the map keeps its place while types come and go. */
static int panel_rows(void)
{
	int rows = (LINES - HEAD_LINES - 1) * 11 / 20;

	return rows < PANEL_ROWS_MAX ? rows : PANEL_ROWS_MAX;
}

static struct top_area map_area(void)
{
	int y = HEAD_LINES + panel_rows();

	return (struct top_area){y, 0, LINES - 1 - y, COLS};
}

static struct top_area rows_area(void)
{
	return (struct top_area){HEAD_LINES, 0, LINES - 1 - HEAD_LINES, COLS};
}

unsigned top_screen_row_room(void)
{
	return is_too_small() ? 0 : top_rows_room(rows_area());
}

void top_screen_map_room(const struct top_screen *screen, unsigned *columns, unsigned *rows)
{
	*columns = *rows = 0;
	if (!is_too_small())
		top_map_room(&screen->terminal, map_area(), columns, rows);
}

/* Appends to a text of `size` bytes, printf-like. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
							 const char *format, ...)
{
	size_t length = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + length, size - length, format, arguments);
	va_end(arguments);
}

/* A title has no room for the reason: stat gives it. */
static void append_coverage(char *text, size_t size, const struct source *source,
			    const struct top_sample *sample)
{
	struct coverage coverage =
		coverage_of(source, &sample->guest, sample->counts.tally.reads.unstable);

	if (!coverage_is_complete(&coverage))
		append(text, size, ", partial: %" PRIu64 " of %" PRIu64 " frames", coverage.frames,
		       coverage.of);
}

/* A look is followed by a rest as long (top_sampler.c). */
static void interval_text(const struct top_model *model, const struct top_state *state, char *text,
			  size_t size)
{
	const uint64_t took = model->sample ? model->sample->took_ns : 0;
	const double seconds = (double)state->request.interval_ns / (double)NS_PER_S;

	if (2 * took > state->request.interval_ns)
		snprintf(text, size, " every %.1f s, a look takes %.1f s ",
			 2 * (double)took / (double)NS_PER_S, (double)took / (double)NS_PER_S);
	else
		snprintf(text, size, " every %g s ", seconds);
}

static void draw_title(const struct source *source, const struct top_model *model,
		       const struct top_state *state)
{
	uint64_t now = model->sample ? model->sample->at_ns : clock_now_ns();
	char left[160] = "", right[40];

	if (state->request.is_paused)
		snprintf(right, sizeof(right), " PAUSED ");
	else
		interval_text(model, state, right, sizeof(right));
	int at = COLS - (int)strlen(right);

	append(left, sizeof(left), "%s  %" PRIu64 " MiB", source->name,
	       source_memory_size(source) >> 20);
	if (source->cpu_count)
		append(left, sizeof(left), ", %u vCPU%s", source->cpu_count,
		       plural(source->cpu_count));
	if (model->sample)
		append_coverage(left, sizeof(left), source, model->sample);
	if (model->sample)
		append(left, sizeof(left), ", %s", model->sample->guest.stage);
	if (source->start_ns && now > source->start_ns)
		append(left, sizeof(left), ", %.1f s",
		       (double)(now - source->start_ns) / (double)NS_PER_S);
	top_put(0, 1, at - 1, TOP_PLAIN, "%s%s",
		(int)(strlen(PROGRAM) + strlen(left)) < at ? PROGRAM : "", left);
	top_put(0, at, COLS - at, TOP_PLAIN, "%s", right);
	top_fill(0, 0, COLS, TOP_TITLE);
	if (state->request.is_paused)
		top_put(0, at, COLS - at, TOP_STRONG, "%s", right);
}

static void draw_rates(const struct top_model *model)
{
	char line[FIGURES_MAX] = "", number[NUMBER_TEXT_SIZE];

	if (!model->sample->guest.kind->counters)
		return;
	top_put(1, 0, LABEL, TOP_STRONG, "a second");
	if (!model->rate_count) {
		top_put(1, LABEL, COLS - LABEL, TOP_FAINT, "known after the next look");
		return;
	}
	for (unsigned i = 0; i < model->rate_count; i++) {
		const size_t length = strlen(line);

		append(line, sizeof(line), "%s%s %s", i ? "   " : "", model->rates[i].fact->label,
		       number_text(number, model->rates[i].rate));
		/* A figure that is cut would be another one. */
		if (strlen(line) > (size_t)(COLS - LABEL)) {
			line[length] = '\0';
			break;
		}
	}
	top_put(1, LABEL, COLS - LABEL, TOP_PLAIN, "%s", line);
}

static void draw_scan(const struct top_model *model)
{
	const struct frame_tally *tally = &model->sample->counts.tally;
	double seconds = (double)tally->duration_ns / (double)NS_PER_S;
	char slots[NUMBER_TEXT_SIZE], rate[NUMBER_TEXT_SIZE];

	top_put(2, 0, LABEL, TOP_STRONG, "scan");
	top_put(2, LABEL, COLS - LABEL, TOP_PLAIN,
		"%s slots in %.2f ms, %s/s; in all %" PRIu64 " retried, %" PRIu64 " given up",
		number_text(slots, (double)tally->reads.slots), seconds * 1000,
		number_text(rate, seconds > 0 ? (double)tally->reads.slots / seconds : 0),
		model->retries, model->unstable);
}

/* What the host keeps says more than references do: these are for those who have room. */
static void append_references(char *line, size_t size, const struct top_sample *sample)
{
	char held[64];
	const int length = holding_text(&sample->held, held, sizeof(held));

	if (length > 0)
		append(line, size, "; %s", held);
	if (sample->guest.kind->has_references &&
	    strlen(line) + sizeof(", references") + 10 + LABEL <= (size_t)COLS)
		append(line, size, ", %" PRIu64 " reference%s", sample->counts.tally.references,
		       plural(sample->counts.tally.references));
}

/* Rows are not of frames that match. */
static void draw_meant(const struct top_model *model, bool shows_rows)
{
	const struct top_sample *sample = model->sample;
	uint64_t frames = sample->guest.ram_frames, used = top_model_in_use(model);
	char line[FIGURES_MAX];

	if (sample->filter[0] && !shows_rows) {
		top_put(3, 0, LABEL, TOP_STRONG, "filter");
		top_put(3, LABEL, COLS - LABEL, TOP_PLAIN, "%" PRIu64 " of %" PRIu64 " frames: %s",
			sample->counts.matches, sample->guest.frame_count, sample->filter);
		return;
	}
	snprintf(line, sizeof(line), "%" PRIu64 " of %" PRIu64 " frames (%.1f %%)", used, frames,
		 100.0 * (double)used / (double)frames);
	append_references(line, sizeof(line), sample);
	top_put(3, 0, LABEL, TOP_STRONG, "in use");
	top_put(3, LABEL, COLS - LABEL, TOP_PLAIN, "%s", line);
}

/* Chooses the panels that have something to show, in the order of the table. Returns their number. */
static size_t choose_panels(const struct top_model *model, const struct panel **chosen)
{
	size_t count = 0;

	for (size_t i = 0; i < PANELS; i++)
		if (!panels[i].has || panels[i].has(model->sample))
			chosen[count++] = &panels[i];
	return count;
}

static int width_of(const struct panel *const *chosen, size_t count)
{
	int width = -PANEL_GAP;

	for (size_t i = 0; i < count; i++)
		width += PANEL_GAP + chosen[i]->width_min;
	return width;
}

/* The first panel stays, the others take turns. */
static void turn_panels(const struct panel **chosen, size_t count, size_t turn)
{
	const struct panel *before[PANELS];

	memcpy(before, chosen, count * sizeof(before[0]));
	for (size_t place = 1; place < count; place++)
		chosen[place] = before[1 + (place - 1 + turn) % (count - 1)];
}

static void draw_panels(const struct top_picture *picture)
{
	const struct panel *chosen[PANELS];
	size_t count = choose_panels(picture->model, chosen);
	int weights = 0, x = 0;

	if (width_of(chosen, count) > COLS)
		turn_panels(chosen, count, picture->state->first_panel);
	while (width_of(chosen, count) > COLS)
		count--;
	for (size_t i = 0; i < count; i++)
		weights += chosen[i]->weight;

	int spare = COLS - width_of(chosen, count);

	for (size_t i = 0; i < count; i++) {
		int width = chosen[i]->width_min + spare * chosen[i]->weight / weights;

		chosen[i]->draw(picture, (struct top_area){HEAD_LINES, x, panel_rows(), width});
		x += width + PANEL_GAP;
	}
}

static void draw_help(void)
{
	for (int i = 0; top_help[i] && HEAD_LINES + i < LINES - 1; i++)
		top_put(HEAD_LINES + i, 2, COLS - 2, TOP_PLAIN, "%s", top_help[i]);
}

/* Takes as many lines as it needs, above the last one. */
static void draw_message(const char *text)
{
	int length = (int)strlen(text), lines = (length + COLS - 1) / COLS;

	for (int i = 0; i < lines && lines - i < LINES; i++) {
		move(LINES - 1 - lines + i, 0);
		clrtoeol();
		top_put(LINES - 1 - lines + i, 0, COLS, TOP_STRONG, "%s", text + i * COLS);
	}
}

static void draw_bottom(const struct top_state *state)
{
	int length = (int)strlen(state->typed), room = COLS - 10;

	if (!state->is_typing) {
		top_put(LINES - 1, 0, COLS, TOP_FAINT, "%s",
			state->request.table.is_asked
				? "q quit  b B other  t types  c n d sort  / filter  = since  p pause  + -  h help"
				: "q quit  b memory by  s sort  / filter  v panels  p pause  m map  + -  h help");
		curs_set(0);
		return;
	}
	/* Shows the end of a long text, where letters are typed. */
	top_put(LINES - 1, 0, 8, TOP_STRONG, "filter: ");
	top_put(LINES - 1, 8, COLS - 8, TOP_PLAIN, "%s",
		length > room ? state->typed + length - room : state->typed);
	curs_set(1);
}

void top_screen_draw(const struct top_screen *screen, const struct source *source,
		     const struct top_model *model, const struct top_state *state,
		     const char *problem)
{
	struct top_mark marks[MAP_CLASSES_MAX];
	const struct top_picture picture = {&screen->terminal, model, state, marks};

	erase();
	if (is_too_small()) {
		top_put(0, 0, COLS, TOP_PLAIN, "too small: needs %d x %d", COLUMNS_MIN, LINES_MIN);
		refresh();
		return;
	}
	draw_title(source, model, state);
	if (model->sample) {
		top_marks(&model->sample->map, marks);
		draw_rates(model);
		draw_scan(model);
		draw_meant(model, state->request.table.is_asked);
	}
	if (state->shows_help) {
		draw_help();
	} else if (model->sample && state->request.table.is_asked) {
		top_panel_rows(&picture, rows_area());
	} else if (model->sample) {
		draw_panels(&picture);
		top_panel_map(&picture, map_area());
	}
	draw_message(state->message[0] ? state->message : problem);
	draw_bottom(state);
	refresh();
}
