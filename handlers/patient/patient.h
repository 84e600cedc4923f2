/*
 * patient.h: what patient shows to the rest, its table, and what its files share.
 */
#ifndef PATIENT_H
#define PATIENT_H

#include "service.h"

extern const struct service patient_service;

/* Ids as types: they do not fit where another one belongs. */
struct patient_id { struct uuid v; };

/* ---- identity.c: when two records are one person: the same name, birth date and phone, or the same name, birth date and e-mail */
#define PHONE_IDENTITY "patient.identity_phone"
#define EMAIL_IDENTITY "patient.identity_email"
/* What is indexed, of a record (JSON); NULL: it has no phone, or no e-mail. Also the .text of the blind columns. */
const char *identity_phone(struct arena *a, struct bytes record);
const char *identity_email(struct arena *a, struct bytes record);

/* ---- record.c */
int	 patient_create(struct req *r, struct problem *err);
int	 patient_show(struct req *r, struct problem *err);

/* ---- treatment.c: who treats whom */
int	 treatment_put(struct req *r, struct problem *err);
int	 provider_assigned(struct event *e, struct problem *err);
/* 404 unless the caller may see the patient: the patient, who treats them, an administrator, a service on the list. Transaction open. */
int	 patient_visible(struct req *r, struct patient_id id, struct problem *err) MUST_CHECK;

#endif
